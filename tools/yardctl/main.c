// SPDX-License-Identifier: Apache-2.0
// yardctl: the yard from the command line. Global options, then a noun and a verb from the table
// below.

#include "config.h"

#include "yardctl.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_URL "https://localhost:8090"
#define DEFAULT_CA "/var/lib/bootyard/tls/ca.crt"

static const struct command commands[] = {
    {"machine", "put",
     "NAME [--mac MAC]... [--uuid UUID] [--serial S] [--arch A] [--label K=V]... [--power JSON] "
     "[--file FILE]",
     cmd_machine_put},
    {"machine", "get", "NAME", cmd_machine_get},
    {"machine", "list", "", cmd_machine_list},
    {"machine", "rm", "NAME", cmd_machine_rm},
    {"deployment", "create",
     "MACHINE --image URL [--digest D] [--raw-digest D] [--hostname H] [--var K=V]... "
     "[--no-phone-home]",
     cmd_deployment_create},
    {"deployment", "get", "ID", cmd_deployment_get},
    {"deployment", "list", "MACHINE", cmd_deployment_list},
    {"deployment", "cancel", "ID", cmd_deployment_cancel},
    {"deployment", "wait", "ID [--timeout SECONDS]", cmd_deployment_wait},
    {"timeline", NULL,
     "MACHINE [--follow] [--after SEQ] [--until-over DEPLOYMENT] [--timeout SECONDS]",
     cmd_timeline},
    {"token", "create", "NAME --role read|admin [--days N]", cmd_token_create},
    {"token", "list", "", cmd_token_list},
    {"token", "revoke", "NAME", cmd_token_revoke},
    {"ca", "init", "--dir DIR --san NAME-OR-ADDRESS...", cmd_ca_init},
    {"ca", "show", "--dir DIR", cmd_ca_show},
    {"ca", "renew", "--dir DIR [--san NAME-OR-ADDRESS]... [--within DAYS]", cmd_ca_renew},
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]), TOKEN_FILE_MAX = 4096 };

int usage_error(struct error *err, const char *text)
{
    (void)error_set(err, ERROR_BAD_REQUEST, "usage: yardctl [options] %s", text);
    return EXIT_USAGE;
}

static void print_usage(FILE *out)
{
    fprintf(out, "usage: yardctl [--url URL] [--token-file FILE] [--ca FILE] [--state-dir DIR] "
                 "[--json] COMMAND\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %s%s%s %s\n", commands[i].noun, commands[i].verb ? " " : "",
                commands[i].verb ? commands[i].verb : "", commands[i].arguments);
    }
    fprintf(out, "\nYARD_URL, YARD_TOKEN and YARD_CA stand in for --url, --token-file and --ca.\n");
}

static int read_token(const char *path, char **ret_token, struct error *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[TOKEN_FILE_MAX];
    ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (length < 0) {
        return error_set(err, ERROR_IO, "%s: cannot be read", path);
    }
    text[length] = '\0';
    text[strcspn(text, " \t\r\n")] = '\0';
    *ret_token = strdup(text);
    explicit_bzero(text, sizeof(text));
    return *ret_token && **ret_token ? 0 : error_set(err, ERROR_IO, "%s: holds no token", path);
}

// Returns -1 to go on, else the exit status.
static int parse_options(int argc, char **argv, struct yardctl *ctl, struct error *err)
{
    static const struct option options[] = {
        {"url", required_argument, NULL, 'u'}, {"token-file", required_argument, NULL, 't'},
        {"ca", required_argument, NULL, 'c'},  {"state-dir", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},      {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},   {0},
    };
    const char *token_file = NULL;
    int option = 0;
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        switch (option) {
        case 'u':
            ctl->url = optarg;
            break;
        case 't':
            token_file = optarg;
            break;
        case 'c':
            ctl->ca_file = optarg;
            break;
        case 's':
            ctl->state_dir = optarg;
            break;
        case 'j':
            ctl->json = true;
            break;
        case 'h':
            print_usage(stdout);
            return EXIT_SUCCESS;
        case 'v':
            printf("yardctl %s\n", PACKAGE_VERSION);
            return EXIT_SUCCESS;
        default:
            print_usage(stderr);
            return EXIT_USAGE;
        }
    }
    return token_file && read_token(token_file, &ctl->token, err) < 0 ? EXIT_FAILED : -1;
}

static void take_environment(struct yardctl *ctl)
{
    const char *url = getenv("YARD_URL");
    const char *ca_file = getenv("YARD_CA");
    const char *token = getenv("YARD_TOKEN");
    if (!ctl->url) {
        ctl->url = url && *url ? url : DEFAULT_URL;
    }
    if (!ctl->ca_file) {
        ctl->ca_file = ca_file && *ca_file             ? ca_file
                       : access(DEFAULT_CA, R_OK) == 0 ? DEFAULT_CA
                                                       : NULL;
    }
    if (!ctl->token && token && *token) {
        ctl->token = strdup(token);
    }
}

// Also tells how many words name the command; the last of them is its argv[0].
static const struct command *find_command(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < COMMAND_COUNT && argc > 0; i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->noun, argv[0]) == 0 &&
            (!command->verb || (argc > 1 && strcmp(command->verb, argv[1]) == 0))) {
            *ret_words = command->verb ? 2 : 1;
            return command;
        }
    }
    return NULL;
}

static int run_command(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    int words = 0;
    const struct command *command = find_command(argc, argv, &words);
    if (!command) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    optind = 0; // getopt starts anew
    return command->run(ctl, argc - words + 1, argv + words - 1, err);
}

int main(int argc, char **argv)
{
    struct yardctl ctl = {0};
    struct error err = {0};
    int status = parse_options(argc, argv, &ctl, &err);
    if (status < 0) {
        take_environment(&ctl);
        status = run_command(&ctl, argc - optind, argv + optind, &err);
    }
    if (status != EXIT_SUCCESS && err.message[0]) {
        fprintf(stderr, "yardctl: %s\n", err.message);
    }
    if (ctl.token) {
        explicit_bzero(ctl.token, strlen(ctl.token));
        free(ctl.token);
    }
    return status;
}
