// SPDX-License-Identifier: Apache-2.0
// bootd's whole surface. Firmware has no credentials: what it may get hangs on who it is and where
// it asks from (store/attempt.h). HEAD on what opens attempts or makes tokens has a route of its
// own, without any effect.

#include "routes.h"

#include "handle_archive.h"
#include "handle_boot.h"
#include "handle_file.h"

const struct web_route bootd_routes[] = {
    {"GET", "/ipxe/", 0, 0, handle_chain, "chain"},
    {"GET", "/ipxe/mac/{mac}", 0, 0, handle_boot_mac, "script"},
    {"HEAD", "/ipxe/mac/{mac}", 0, 0, handle_no_effect, "script-head"},
    {"GET", "/ipxe/serial/{serial}", 0, 0, handle_boot_serial, "script"},
    {"HEAD", "/ipxe/serial/{serial}", 0, 0, handle_no_effect, "script-head"},
    {"GET", "/ipxe/{uuid}", 0, 0, handle_boot_uuid, "script"},
    {"HEAD", "/ipxe/{uuid}", 0, 0, handle_no_effect, "script-head"},
    {"GET", "/deploy/{key}/deploy.cpio", 0, 0, handle_archive, "archive"},
    {"HEAD", "/deploy/{key}/deploy.cpio", 0, 0, handle_no_effect, "archive-head"},
    {"GET", "/boot/{arch}/vmlinuz", 0, 0, handle_kernel, "kernel"},
    {"GET", "/boot/{arch}/initramfs", 0, 0, handle_initramfs, "initramfs"},
    {"GET", "/boot/{arch}/loader.efi", 0, 0, handle_loader, "loader"},
    {"GET", "/healthz", 0, 0, web_handle_health, "healthz"},
    {"GET", "/metrics", 0, 0, web_handle_metrics, "metrics"},
};
const size_t bootd_route_count = sizeof(bootd_routes) / sizeof(bootd_routes[0]);
