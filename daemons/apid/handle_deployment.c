// SPDX-License-Identifier: Apache-2.0
// Making a deployment has two steps that wait: imaged says what the image's name stands for, then
// the writer commits. Between them lies nothing but this struct, so a daemon that dies in between
// has promised nothing.

#include "handle_deployment.h"

#include "apid.h"
#include "base/json.h"
#include "change.h"
#include "deployment_json.h"
#include "image_name.h"
#include "peer_imaged.h"
#include "query.h"
#include "store/deployment.h"
#include "store/machine.h"
#include "store/store.h"
#include "store/timeline.h"
#include "web/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_DEFAULT = 100, LIST_MAX = 500 };

struct deployment_change {
    struct change change; // first
    struct machine machine;
    struct deployment wanted; // as it is stored in the end
    struct image_name image;
    json_t *warnings;
    char id[UUID_TEXT_SIZE];
};

static void deployment_change_free(struct change *change)
{
    struct deployment_change *op = (struct deployment_change *)change;
    machine_fini(&op->machine);
    deployment_fini(&op->wanted);
    json_decref(op->warnings);
    free(op);
}

// What is true of a stored deployment and worth a warning at any time.
static json_t *standing_warnings(const struct deployment *deployment)
{
    json_t *warnings = json_array();
    if (!deployment_is_over(deployment->state) && !deployment->fetch_url[0]) {
        (void)json_array_append_new(
            warnings, json_string("image.url: not resolved yet; it is tried again when the "
                                  "machine boots"));
    }
    return warnings;
}

static json_t *show_deployment(struct apid *apid, const struct deployment *deployment,
                               const char *machine_name)
{
    struct machine machine = {0};
    if (!machine_name &&
        machine_by_id(store_reader(apid->store), deployment->machine_id, &machine, NULL) == 0) {
        machine_name = machine.name;
    }
    CLEANUP_JSON json_t *warnings = standing_warnings(deployment);
    json_t *shown = deployment_to_json(deployment, machine_name ? machine_name : "", warnings);
    machine_fini(&machine);
    return shown;
}

// ---- read

struct shown_list {
    struct apid *apid;
    const char *machine_name;
    json_t *deployments;
};

static int show_one(void *context, const struct deployment *deployment, struct error *err)
{
    struct shown_list *list = context;
    json_t *shown = show_deployment(list->apid, deployment, list->machine_name);
    return json_array_append_new(list->deployments, shown) < 0
               ? error_set(err, ERROR_IO, "out of memory")
               : 0;
}

void handle_deployment_list(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    struct machine machine;
    int64_t limit = 0;
    if (query_number(request, "limit", 1, LIST_MAX, LIST_DEFAULT, &limit, &err) < 0 ||
        query_machine(apid, request, &machine, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    CLEANUP_JSON json_t *deployments = json_array();
    struct shown_list list = {
        .apid = apid, .machine_name = machine.name, .deployments = deployments};
    int result = deployment_list(store_reader(apid->store), machine.id, (unsigned)limit, show_one,
                                 &list, &err);
    machine_fini(&machine);
    if (result < 0) {
        web_reply_error(request, &err);
        return;
    }
    web_reply_json(request, 200, json_pack("{s:O}", "deployments", deployments));
}

// The deployment that the path's {id} says; caller: deployment_fini.
static int find_deployment(struct apid *apid, struct web_request *request,
                           struct deployment *ret_deployment, struct error *err)
{
    struct uuid uuid;
    char id[UUID_TEXT_SIZE];
    if (uuid_parse(web_arg(request, "id"), &uuid, NULL) < 0) {
        return error_set(err, ERROR_NOT_FOUND, "a deployment's id is a UUID");
    }
    uuid_format(&uuid, id);
    int result = deployment_by_id(store_reader(apid->store), id, ret_deployment, err);
    if (result < 0 && err->code == ERROR_NOT_FOUND) {
        return error_set(err, ERROR_NOT_FOUND, "there is no deployment %s", id);
    }
    return result;
}

void handle_deployment_get(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    struct deployment deployment;
    if (find_deployment(apid, request, &deployment, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    json_t *shown = show_deployment(apid, &deployment, NULL);
    deployment_fini(&deployment);
    web_reply_json(request, 200, shown);
}

// ---- make

static void busy_error(struct apid *apid, const struct machine *machine, const struct error *cause,
                       struct error *err)
{
    struct deployment current;
    *err = *cause;
    if (cause->code != ERROR_CONFLICT ||
        deployment_current(store_reader(apid->store), machine->id, &current, NULL) < 0) {
        return;
    }
    if (!deployment_is_over(current.state)) {
        (void)error_set(err, ERROR_CONFLICT, "the machine \"%s\" is busy with deployment %s (%s)",
                        machine->name, current.id, deployment_state_name(current.state));
    }
    deployment_fini(&current);
}

static int begin_run(struct store_conn *conn, struct change *change, struct error *err)
{
    struct deployment_change *op = (struct deployment_change *)change;
    int result = deployment_begin(conn, &op->wanted, err);
    for (size_t i = 0; i < json_array_size(op->warnings) && result == 0; i++) {
        result = timeline_addf(conn, op->machine.id, op->wanted.id, "apid", "deployment.warning",
                               err, "%s", json_string_value(json_array_get(op->warnings, i)));
    }
    if (result == 0) {
        (void)snprintf(change->object, sizeof(change->object), "%s %s", op->machine.name,
                       op->wanted.id);
    }
    return result;
}

static void begin_reply(struct change *change)
{
    struct deployment_change *op = (struct deployment_change *)change;
    char location[64];
    (void)snprintf(location, sizeof(location), "/v1/deployments/%s", op->wanted.id);
    web_add_header(change->request, "Location", location);
    web_reply_json(change->request, 201,
                   deployment_to_json(&op->wanted, op->machine.name, op->warnings));
}

static void begin_failed(struct change *change, const struct error *cause)
{
    struct deployment_change *op = (struct deployment_change *)change;
    struct error err;
    busy_error(change->apid, &op->machine, cause, &err);
    web_reply_error(change->request, &err);
}

static void warn(struct deployment_change *op, const char *text)
{
    (void)json_array_append_new(op->warnings, json_string(text));
}

static int pin(struct deployment *wanted, const struct image_answer *image, struct error *err)
{
    if (wanted->digest[0] && strcmp(wanted->digest, image->digest) != 0) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "image.digest: the registry has %s under this name", image->digest);
    }
    memcpy(wanted->digest, image->digest, sizeof(wanted->digest));
    memcpy(wanted->layer_digest, image->layer_digest, sizeof(wanted->layer_digest));
    memcpy(wanted->media_type, image->media_type, sizeof(wanted->media_type));
    memcpy(wanted->fetch_url, image->fetch_url, strlen(image->fetch_url) + 1);
    wanted->layer_size = image->layer_size;
    return 0;
}

static void resolved(void *context, int result, const struct image_answer *image,
                     const struct error *cause)
{
    struct deployment_change *op = context;
    struct error err = {0};
    if (result == 0) {
        result = pin(&op->wanted, image, &err);
    } else if (cause->code == ERROR_UNPROCESSABLE) {
        (void)error_set(&err, ERROR_UNPROCESSABLE, "image.url: %s", cause->message);
    } else if (op->wanted.digest[0]) {
        (void)error_set(&err, cause->code,
                        "image.url: not resolved now, it is tried again when the machine boots: %s",
                        cause->message);
        warn(op, err.message);
        result = 0;
    } else {
        (void)error_set(
            &err, cause->code,
            "image.url: cannot be resolved now, and without image.digest it must be: %s",
            cause->message);
    }
    if (result == 0) {
        change_start(&op->change);
        return;
    }
    web_reply_error(op->change.request, &err);
    deployment_change_free(&op->change);
}

// By digest where one is given: the tag may have moved on since, and the digest is what is meant.
static int reference_of(const struct deployment_change *op, char *ret_ref, size_t size,
                        struct error *err)
{
    const char *url = op->wanted.image_url;
    int length = op->wanted.digest[0] && !op->image.digest[0]
                     ? snprintf(ret_ref, size, "%s@%s", url, op->wanted.digest)
                     : snprintf(ret_ref, size, "%s", url);
    return length < 0 || (size_t)length >= size
               ? error_set(err, ERROR_UNPROCESSABLE, "image.url: too long")
               : 0;
}

static void resolve_or_start(struct deployment_change *op)
{
    if (!op->image.is_oci) {
        if (!op->wanted.digest[0]) {
            warn(op, "image.digest: is missing: nothing but TLS says that the image is the one "
                     "that is meant");
        }
        change_start(&op->change);
        return;
    }
    struct error err = {0};
    char ref[DEPLOYMENT_URL_SIZE + DIGEST_TEXT_SIZE + 1];
    int result = reference_of(op, ref, sizeof(ref), &err);
    if (result == 0) {
        result =
            peer_imaged_resolve(op->change.apid->peer, ref, op->machine.arch, resolved, op, &err);
    }
    if (result < 0) {
        resolved(op, result, NULL, &err);
    }
}

// Asked before imaged is, so that a busy machine costs no registry a request; the transaction asks
// again.
static int check_idle(struct apid *apid, const struct machine *machine, struct error *err)
{
    struct deployment current;
    if (deployment_current(store_reader(apid->store), machine->id, &current, err) < 0) {
        return err->code == ERROR_NOT_FOUND ? 0 : -1;
    }
    bool idle = deployment_is_over(current.state);
    deployment_fini(&current);
    if (idle) {
        return 0;
    }
    struct error cause = {.code = ERROR_CONFLICT};
    busy_error(apid, machine, &cause, err);
    return -1;
}

static int prepare(struct deployment_change *op, struct web_request *request, struct error *err)
{
    struct apid *apid = op->change.apid;
    int result = query_machine(apid, request, &op->machine, err);
    if (result < 0) {
        return result;
    }
    CLEANUP_JSON json_t *document = web_body_json(request, err);
    if (!document) {
        return -1;
    }
    result = deployment_from_json(&op->machine, document, &op->wanted, &op->image, err);
    return result < 0 ? result : check_idle(apid, &op->machine, err);
}

void handle_deployment_post(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    struct deployment_change *op = calloc(1, sizeof(*op));
    if (!op) {
        (void)error_set(&err, ERROR_IO, "out of memory");
        web_reply_error(request, &err);
        return;
    }
    op->warnings = json_array();
    change_init(&op->change, apid, request, "deployment.create", "");
    op->change.run = begin_run;
    op->change.reply = begin_reply;
    op->change.failed = begin_failed;
    op->change.free = deployment_change_free;
    if (prepare(op, request, &err) < 0) {
        web_reply_error(request, &err);
        deployment_change_free(&op->change);
        return;
    }
    resolve_or_start(op);
}

// ---- cancel

static int cancel_run(struct store_conn *conn, struct change *change, struct error *err)
{
    struct deployment_change *op = (struct deployment_change *)change;
    deployment_fini(&op->wanted);
    return deployment_cancel(conn, op->id, &op->wanted, err);
}

static void cancel_reply(struct change *change)
{
    struct deployment_change *op = (struct deployment_change *)change;
    // 202: a live agent has to stop first, or to fall silent.
    int status = deployment_is_over(op->wanted.state) ? 200 : 202;
    web_reply_json(change->request, status, show_deployment(change->apid, &op->wanted, NULL));
}

void handle_deployment_cancel(struct web_request *request, void *context)
{
    struct apid *apid = context;
    struct error err = {0};
    struct deployment deployment;
    if (find_deployment(apid, request, &deployment, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    struct deployment_change *op = calloc(1, sizeof(*op));
    if (!op) {
        deployment_fini(&deployment);
        (void)error_set(&err, ERROR_IO, "out of memory");
        web_reply_error(request, &err);
        return;
    }
    op->wanted = deployment;
    memcpy(op->id, deployment.id, sizeof(op->id));
    change_init(&op->change, apid, request, "deployment.cancel", op->id);
    op->change.run = cancel_run;
    op->change.reply = cancel_reply;
    op->change.free = deployment_change_free;
    change_start(&op->change);
}
