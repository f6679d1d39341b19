// SPDX-License-Identifier: Apache-2.0
// yardctl token: API tokens. With --state-dir the first one is made in the machine DB itself, by
// whoever may write there: the API would want a token for it.

#include "api.h"
#include "base/clock.h"
#include "base/json.h"
#include "store/store.h"
#include "store/token.h"
#include "yardctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char create_usage[] = "token create NAME --role read|admin [--days N]";

struct token_order {
    const char *name;
    enum token_role role;
    int64_t days;
    char token[TOKEN_TEXT_SIZE];
};

static int create_run(struct store_conn *conn, void *context, struct error *err)
{
    struct token_order *order = context;
    struct api_token token = {.role = order->role, .created_ms = clock_now_ms()};
    token.expires_ms = order->days > 0 ? token.created_ms + order->days * 24 * 3600 * 1000 : 0;
    (void)snprintf(token.name, sizeof(token.name), "%s", order->name);
    int result = api_token_create(conn, &token, order->token, err);
    if (result == 0) {
        result = audit_add(conn, "yardctl", "", "token.create", order->name, err);
    }
    return result;
}

static int create_on_host(const struct yardctl *ctl, struct token_order *order, struct error *err)
{
    struct store_settings settings = {.state_dir = ctl->state_dir, .role = STORE_ROLE_TOOL};
    struct store *store = store_open(NULL, &settings, err);
    int result = store ? store_write_now(store, create_run, order, err) : -1;
    store_close(store);
    return result;
}

static int create_by_api(const struct yardctl *ctl, struct token_order *order, struct error *err)
{
    CLEANUP_JSON json_t *document =
        json_pack("{s:s, s:s}", "name", order->name, "role", token_role_name(order->role));
    CLEANUP_JSON json_t *reply = NULL;
    if (order->days > 0) {
        (void)json_object_set_new(document, "expires_in", json_integer(order->days * 24 * 3600));
    }
    int result = api_call(ctl, "POST", "/v1/tokens", document, &reply, err);
    const char *token = json_string_value(json_object_get(reply, "token"));
    if (result == 0 && (!token || strlen(token) >= sizeof(order->token))) {
        return error_set(err, ERROR_UPSTREAM, "the answer holds no token");
    }
    if (result == 0) {
        memcpy(order->token, token, strlen(token) + 1);
    }
    return result;
}

static bool name_is_good(const char *name)
{
    size_t length = strlen(name);
    return length >= 1 && length <= 63 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length;
}

int cmd_token_create(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    static const struct option options[] = {
        {"role", required_argument, NULL, 'r'}, {"days", required_argument, NULL, 'd'}, {0}};
    struct token_order order = {0};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd') {
            order.days = strtoll(optarg, NULL, 10);
        } else if (option != 'r' || token_role_parse(optarg, &order.role, err) < 0) {
            return usage_error(err, create_usage);
        }
    }
    if (optind + 1 != argc || order.role == 0 || order.days < 0 || order.days > 3660 ||
        !name_is_good(argv[optind])) {
        return usage_error(err, create_usage);
    }
    order.name = argv[optind];
    int result =
        ctl->state_dir ? create_on_host(ctl, &order, err) : create_by_api(ctl, &order, err);
    if (result < 0) {
        return EXIT_FAILED;
    }
    if (ctl->json) {
        CLEANUP_JSON json_t *shown = json_pack("{s:s, s:s, s:s}", "name", order.name, "role",
                                               token_role_name(order.role), "token", order.token);
        api_print(shown);
    } else {
        printf("%s\n", order.token);
    }
    explicit_bzero(order.token, sizeof(order.token));
    return 0;
}

int cmd_token_list(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    if (argc != 1) {
        return usage_error(err, "token list");
    }
    CLEANUP_JSON json_t *reply = NULL;
    if (api_call(ctl, "GET", "/v1/tokens", NULL, &reply, err) < 0) {
        return EXIT_FAILED;
    }
    const json_t *tokens = json_object_get(reply, "tokens");
    if (ctl->json) {
        api_print(tokens);
        return 0;
    }
    printf("%-24s %-6s %-25s %s\n", "NAME", "ROLE", "CREATED", "EXPIRES");
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        const json_t *token = json_array_get(tokens, i);
        printf("%-24s %-6s %-25s %s\n", api_text(token, "name"), api_text(token, "role"),
               api_text(token, "created"), api_text(token, "expires"));
    }
    return 0;
}

int cmd_token_revoke(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    if (argc != 2) {
        return usage_error(err, "token revoke NAME");
    }
    CLEANUP_FREE char *path = api_path("tokens", argv[1], "");
    return !path || api_call(ctl, "DELETE", path, NULL, NULL, err) < 0 ? EXIT_FAILED : 0;
}
