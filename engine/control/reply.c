/* reply.c: an answer as bytes. */
#include <string.h>
#include <zmq.h>

#include "control/control_impl.h"

static void pack_reply(struct pl_pack *pack, const struct pl_request *request, const char *status, enum pl_code code,
                       const char *error, uint64_t dropped) {
    const struct pl_call *reply = request->reply;
    pl_pack_map(pack, 5 + (code ? 1 : 0) + (error ? 1 : 0));
    pl_pack_str(pack, "id");
    pl_pack_uint(pack, request->id);
    pl_pack_pair_str(pack, "status", status);
    if (code) pl_pack_pair_str(pack, "code", pl_code_name(code));
    if (error) pl_pack_pair_str(pack, "error", error);
    pl_pack_str(pack, "cut");
    pl_pack_bool(pack, reply->cut);
    pl_pack_str(pack, "dropped");
    pl_pack_uint(pack, dropped);
    pl_pack_str(pack, "rows");
    pl_pack_array(pack, code ? 0 : reply->row_count);
    if (!code) pl_pack_raw(pack, pl_pack_data(reply->rows), pl_pack_size(reply->rows));
}

static void answer_ask(struct pl_request *request, const char *status, enum pl_code code, const char *error,
                       uint64_t dropped) {
    const struct pl_call *reply = request->reply;
    struct pl_ask *ask = request->ask;
    bool more = strcmp(status, "more") == 0, lost = pl_pack_failed(reply->rows);
    if (!ask) return;
    pl__ask_reply(ask, &(struct pl_ask_reply){.status = code || lost ? PL_ANSWER_ERROR
                                                        : more       ? PL_ANSWER_MORE
                                                                     : PL_ANSWER_OK,
                                              .code = lost ? PL_NO_MEMORY : code,
                                              .missing = request->missing,
                                              .error = error,
                                              .rows = pl_pack_data(reply->rows),
                                              .size = code || lost ? 0 : pl_pack_size(reply->rows),
                                              .count = code || lost ? 0 : reply->row_count,
                                              .cut = reply->cut,
                                              .dropped = dropped});
}

/* A peer that has left, or takes nothing, is not waited for. */
void pl__reply_send(struct pl_request *request, const char *status, enum pl_code code, const char *error,
                    uint64_t dropped) {
    const struct pl_peer *peer = &request->peer;
    if (!peer->socket) {
        answer_ask(request, status, code, error, dropped);
        return;
    }
    struct pl_pack *pack = pl_pack_new();
    if (!pack) return;
    pack_reply(pack, request, status, code, error, dropped);
    if (!pl_pack_failed(pack) && zmq_send(peer->socket, peer->name, peer->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send(peer->socket, pl_pack_data(pack), pl_pack_size(pack), ZMQ_DONTWAIT);
    pl_pack_free(pack);
}
