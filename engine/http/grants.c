#include "grants.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "http/jwt.h"
#include "store/documents.h"

enum { MAC = 32 };
static const char kind[] = "http-grant";

struct pl_grants {
    struct pl_grant list[PL_GRANTS_MAX];
};

struct pl_grants *pl_grants_new(void) {
    return PL_NEW(struct pl_grants);
}

void pl_grants_free(struct pl_grants *grants) {
    if (grants) OPENSSL_cleanse(grants, sizeof *grants);
    pl_free(grants);
}

static bool is_over(const struct pl_grant *grant, pl_time now) {
    return now - grant->used > PL_GRANT_IDLE || now - grant->began > PL_GRANT_LONGEST;
}

/* ---- In the store ---- */

static enum pl_code keep(const struct pl_grant *grant, struct pl_store *store, struct pl_error **error) {
    char *secret = pl_base64url(grant->secret, sizeof grant->secret);
    json_t *value =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:s}", "user", grant->user, "changed", (json_int_t)grant->changed, "began",
                  (json_int_t)grant->began, "used", (json_int_t)grant->used, "generation",
                  (json_int_t)grant->generation, "secret", secret ? secret : "");
    char *text = value && secret ? json_dumps(value, JSON_COMPACT) : NULL;
    enum pl_code code = text ? pl_document_put(store, kind, grant->id, text, strlen(text), error)
                             : pl_error_set(error, PL_NO_MEMORY, "no memory for a grant");
    if (text) OPENSSL_cleanse(text, strlen(text));
    free(text);
    json_decref(value);
    pl_free(secret);
    return code;
}

static bool read_grant(const char *id, const char *bytes, size_t size, struct pl_grant *grant) {
    const char *user, *secret;
    json_int_t changed, began, used, generation;
    json_t *value = json_loadb(bytes, size, 0, NULL);
    bool good = value && strlen(id) == PL_GRANT_ID - 1 &&
                json_unpack(value, "{s:s, s:I, s:I, s:I, s:I, s:s}", "user", &user, "changed", &changed, "began",
                            &began, "used", &used, "generation", &generation, "secret", &secret) == 0 &&
                strlen(user) < sizeof grant->user;
    if (good) {
        *grant =
            (struct pl_grant){.changed = changed, .began = began, .used = used, .generation = (uint64_t)generation};
        snprintf(grant->id, sizeof grant->id, "%s", id);
        snprintf(grant->user, sizeof grant->user, "%s", user);
        good = pl_base64url_read(secret, strlen(secret), grant->secret, sizeof grant->secret) == sizeof grant->secret;
    }
    json_decref(value);
    return good;
}

struct loading {
    struct pl_grants *grants;
    pl_time now;
    unsigned count;
};

static bool load_one(void *arg, const char *id, const char *bytes, size_t size) {
    struct loading *loading = arg;
    struct pl_grant grant;
    if (read_grant(id, bytes, size, &grant) && !is_over(&grant, loading->now))
        loading->grants->list[loading->count++] = grant;
    return loading->count < PL_GRANTS_MAX;
}

enum pl_code pl_grants_load(struct pl_grants *grants, struct pl_store *store, pl_time now, struct pl_error **error) {
    struct loading loading = {.grants = grants, .now = now};
    memset(grants, 0, sizeof *grants);
    return pl_documents_each(store, kind, load_one, &loading, error);
}

/* ---- Refresh tokens: ID.GENERATION.MAC ---- */

static void mac_of(const struct pl_grant *grant, uint64_t generation, uint8_t out[MAC]) {
    char text[PL_GRANT_ID + 24];
    int length = snprintf(text, sizeof text, "%s.%" PRIu64, grant->id, generation);
    HMAC(EVP_sha256(), grant->secret, sizeof grant->secret, (const uint8_t *)text, (size_t)length, out, NULL);
}

void pl_grant_refresh_put(const struct pl_grant *grant, char text[PL_REFRESH_TEXT]) {
    uint8_t mac[MAC];
    mac_of(grant, grant->generation, mac);
    char *tail = pl_base64url(mac, sizeof mac);
    snprintf(text, PL_REFRESH_TEXT, "%s.%" PRIu64 ".%s", grant->id, grant->generation, tail ? tail : "");
    pl_free(tail);
}

/* The grant that it was once made for, and its generation. */
static struct pl_grant *read_refresh(struct pl_grants *grants, const char *text, int64_t *generation) {
    char id[PL_GRANT_ID] = "";
    uint8_t mac[MAC], expected[MAC];
    const char *first = strchr(text, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    if (!second || first - text != PL_GRANT_ID - 1) return NULL;
    memcpy(id, text, PL_GRANT_ID - 1);
    struct pl_grant *grant = (struct pl_grant *)(uintptr_t)pl_grants_find(grants, id);
    if (!grant || !pl_text_int(first + 1, (size_t)(second - first - 1), generation) || *generation < 0) return NULL;
    if (pl_base64url_read(second + 1, strlen(second + 1), mac, sizeof mac) != MAC) return NULL;
    mac_of(grant, (uint64_t)*generation, expected);
    return CRYPTO_memcmp(mac, expected, MAC) == 0 ? grant : NULL;
}

/* ---- Beginning, renewing, ending ---- */

static void end_one(struct pl_grant *grant, struct pl_store *store) {
    pl_document_remove(store, kind, grant->id, NULL);
    OPENSSL_cleanse(grant, sizeof *grant);
}

/* A free place; the user's oldest makes room when there are too many of them, or anybody's when there is none. */
static struct pl_grant *place_for_one(struct pl_grants *grants, struct pl_store *store, const char *user) {
    struct pl_grant *place = NULL, *oldest = NULL, *own = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < PL_GRANTS_MAX; i++) {
        struct pl_grant *grant = &grants->list[i];
        if (!grant->id[0]) {
            if (!place) place = grant;
            continue;
        }
        if (!oldest || grant->used < oldest->used) oldest = grant;
        if (strcmp(grant->user, user) != 0) continue;
        count++;
        if (!own || grant->used < own->used) own = grant;
    }
    struct pl_grant *leaves = count >= PL_GRANTS_USER_MAX ? own : place ? NULL : oldest;
    if (!leaves) return place;
    end_one(leaves, store);
    return leaves;
}

static bool make_id(char id[PL_GRANT_ID]) {
    uint8_t bytes[(PL_GRANT_ID - 1) / 2];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
    for (unsigned i = 0; i < sizeof bytes; i++)
        snprintf(id + (size_t)2 * i, 3, "%02x", bytes[i]);
    return true;
}

enum pl_code pl_grants_begin(struct pl_grants *grants, struct pl_store *store, const struct pl_user *user, pl_time now,
                             struct pl_grant *grant, struct pl_error **error) {
    *grant = (struct pl_grant){.changed = user->changed, .began = now, .used = now, .generation = 1};
    snprintf(grant->user, sizeof grant->user, "%s", user->name);
    if (!make_id(grant->id) || RAND_bytes(grant->secret, sizeof grant->secret) != 1)
        return pl_error_set(error, PL_UNAVAILABLE, "the system gives no random bytes");
    struct pl_grant *place = place_for_one(grants, store, user->name);
    enum pl_code code = keep(grant, store, error);
    if (!code) *place = *grant;
    return code;
}

enum pl_code pl_grants_renew(struct pl_grants *grants, struct pl_store *store, const char *refresh, pl_time now,
                             struct pl_grant *grant, bool *reused, struct pl_error **error) {
    int64_t generation = 0;
    struct pl_grant *found = read_refresh(grants, refresh, &generation);
    *reused = found && (uint64_t)generation < found->generation;
    if (found) *grant = *found;
    bool good = found && (uint64_t)generation == found->generation && !is_over(found, now);
    if (found && !good) end_one(found, store);
    if (!good) return pl_error_set(error, PL_DENIED, "the refresh token is not good any more");
    grant->generation++;
    grant->used = now;
    enum pl_code code = keep(grant, store, error);
    if (!code) *found = *grant;
    return code;
}

const struct pl_grant *pl_grants_find(const struct pl_grants *grants, const char *id) {
    for (unsigned i = 0; i < PL_GRANTS_MAX && id[0]; i++)
        if (strcmp(grants->list[i].id, id) == 0) return &grants->list[i];
    return NULL;
}

void pl_grants_end(struct pl_grants *grants, struct pl_store *store, const char *id) {
    struct pl_grant *grant = (struct pl_grant *)(uintptr_t)pl_grants_find(grants, id);
    if (grant) end_one(grant, store);
}

const struct pl_grant *pl_grants_next(const struct pl_grants *grants, const struct pl_grant *before) {
    for (const struct pl_grant *at = before ? before + 1 : grants->list; at < grants->list + PL_GRANTS_MAX; at++)
        if (at->id[0]) return at;
    return NULL;
}

void pl_grants_sweep(struct pl_grants *grants, struct pl_store *store, pl_time now) {
    for (unsigned i = 0; i < PL_GRANTS_MAX; i++)
        if (grants->list[i].id[0] && is_over(&grants->list[i], now)) end_one(&grants->list[i], store);
}
