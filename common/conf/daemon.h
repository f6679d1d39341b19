// SPDX-License-Identifier: Apache-2.0
#pragma once

// The part of the configuration that all five daemons have. A daemon's struct holds a `struct daemon_settings common`
// as a member and its table starts with DAEMON_OPTIONS(struct x_config, common, "http port", "https port"). A port of "0" means: not
// listening there.

#include "base/log.h"
#include "conf/conf.h"

struct daemon_settings {
    char *state_dir;   // the machine DB's folder
    char *run_dir;     // bells
    char *address;     // listens here, literal
    unsigned http_port, https_port;
    char *certificate, *key, *ca; // PEM files; ca is what machines are given to trust
    char *public_url;  // what scripts, vars and links say, without a slash at the end
    enum log_level log_level;
};

#define DAEMON_OPTIONS(type, member, http, https)                                                                       \
    {"daemon", "state_dir", conf_parse_string, offsetof(type, member.state_dir), "/var/lib/bootyard",                   \
     "folder of the machine DB"},                                                                                       \
    {"daemon", "run_dir", conf_parse_string, offsetof(type, member.run_dir), "/run/bootyard",                           \
     "folder of the sockets by which the daemons wake each other"},                                                     \
    {"daemon", "public_url", conf_parse_string, offsetof(type, member.public_url), "",                                  \
     "URL under which machines reach this daemon; empty: http(s)://address:port"},                                      \
    {"daemon", "log_level", conf_parse_log_level, offsetof(type, member.log_level), "info",                             \
     "err, warning, notice, info or debug"},                                                                            \
    {"listen", "address", conf_parse_string, offsetof(type, member.address), "::", "IPv4 or IPv6 literal"},             \
    {"listen", "http_port", conf_parse_port, offsetof(type, member.http_port), http, "plain HTTP; 0: none"},            \
    {"listen", "https_port", conf_parse_port, offsetof(type, member.https_port), https, "TLS; 0: none"},                \
    {"listen", "certificate", conf_parse_string, offsetof(type, member.certificate),                                    \
     "/var/lib/bootyard/tls/server.crt", "PEM, with its chain"},                                                        \
    {"listen", "key", conf_parse_string, offsetof(type, member.key), "/var/lib/bootyard/tls/server.key", "PEM"},        \
    {"listen", "ca", conf_parse_string, offsetof(type, member.ca), "/var/lib/bootyard/tls/ca.crt",                      \
     "the yard's CA, as machines get it"}

void daemon_settings_fini(struct daemon_settings *settings);
