#include "session.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#define IDLE_NS (UINT64_C(8) * 3600 * 1000000000)

struct session {
    char token[PL_TOKEN_TEXT]; /* "": free */
    struct pl_identity who;
    uint64_t used;
};

struct pl_sessions {
    struct session list[PL_SESSIONS_MAX];
};

struct pl_sessions *pl_sessions_new(void) {
    return PL_NEW(struct pl_sessions);
}

void pl_sessions_free(struct pl_sessions *sessions) {
    if (sessions) OPENSSL_cleanse(sessions, sizeof *sessions);
    pl_free(sessions);
}

static bool is_over(const struct session *session, uint64_t now) {
    return !session->token[0] || now - session->used > IDLE_NS;
}

static struct session *place_for_one(struct pl_sessions *sessions, uint64_t now) {
    struct session *oldest = &sessions->list[0];
    for (unsigned i = 0; i < PL_SESSIONS_MAX; i++) {
        struct session *session = &sessions->list[i];
        if (is_over(session, now)) return session;
        if (session->used < oldest->used) oldest = session;
    }
    return oldest;
}

bool pl_sessions_begin(struct pl_sessions *sessions, const struct pl_identity *who, char token[PL_TOKEN_TEXT]) {
    uint8_t bytes[PL_TOKEN_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
    for (unsigned i = 0; i < PL_TOKEN_BYTES; i++)
        snprintf(token + (size_t)2 * i, 3, "%02x", bytes[i]);
    uint64_t now = uv_hrtime();
    struct session *session = place_for_one(sessions, now);
    memcpy(session->token, token, PL_TOKEN_TEXT);
    session->who = *who;
    session->who.known = true;
    session->used = now;
    return true;
}

static struct session *find(struct pl_sessions *sessions, const char *token) {
    if (strlen(token) != PL_TOKEN_TEXT - 1) return NULL;
    struct session *found = NULL;
    for (unsigned i = 0; i < PL_SESSIONS_MAX; i++) {
        struct session *session = &sessions->list[i];
        if (session->token[0] && CRYPTO_memcmp(session->token, token, PL_TOKEN_TEXT - 1) == 0) found = session;
    }
    return found;
}

bool pl_sessions_find(struct pl_sessions *sessions, const char *token, struct pl_identity *who) {
    uint64_t now = uv_hrtime();
    struct session *session = find(sessions, token);
    if (!session || is_over(session, now)) return false;
    session->used = now;
    *who = session->who;
    return true;
}

void pl_sessions_end_user(struct pl_sessions *sessions, const char *name) {
    for (unsigned i = 0; i < PL_SESSIONS_MAX; i++)
        if (strcmp(sessions->list[i].who.name, name) == 0) sessions->list[i] = (struct session){0};
}
