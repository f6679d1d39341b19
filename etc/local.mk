# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += %D%/README.md
dist_yardconf_DATA += %D%/apid.conf
dist_yardconf_DATA += %D%/bootd.conf
dist_yardconf_DATA += %D%/imaged.conf
dist_yardconf_DATA += %D%/redfishd.conf
dist_yardconf_DATA += %D%/statusd.conf
