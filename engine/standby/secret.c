#include "standby/secret.h"

#include <openssl/crypto.h>
#include <string.h>
#include <zmq.h>

#include "store/key.h"

static bool derive_pair(const struct pl_store_key *key, const char *use, char public[PL_STANDBY_KEY],
                        char secret[PL_STANDBY_KEY]) {
    uint8_t derived[PL_STORE_KEY_DERIVED];
    bool good = pl_store_key_derive(key, use, derived) && zmq_z85_encode(secret, derived, sizeof derived) &&
                zmq_curve_public(public, secret) == 0;
    OPENSSL_cleanse(derived, sizeof derived);
    return good;
}

enum pl_code pl_standby_secret_read(const char *path, struct pl_standby_secret *secret, struct pl_error **error) {
    struct pl_store_key *key;
    enum pl_code code = pl_store_key_read(path, PL_STORE_KEY_FILE, &key, error);
    if (code) return code;
    bool good = derive_pair(key, "standby server", secret->server_public, secret->server_secret) &&
                derive_pair(key, "standby client", secret->client_public, secret->client_secret);
    pl_store_key_unref(key);
    return good ? PL_OK
                : pl_error_set(error, PL_UNAVAILABLE, "no CURVE keys could be derived: is libzmq without CURVE?");
}

void pl_standby_secret_cleanse(struct pl_standby_secret *secret) {
    OPENSSL_cleanse(secret, sizeof *secret);
}

static bool set(void *socket, int option, const char *text) {
    return zmq_setsockopt(socket, option, text, strlen(text)) == 0;
}

bool pl__secret_serve(void *socket, const struct pl_standby_secret *secret) {
    int yes = 1;
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0 &&
           set(socket, ZMQ_CURVE_SECRETKEY, secret->server_secret) && set(socket, ZMQ_ZAP_DOMAIN, "standby");
}

bool pl__secret_call(void *socket, const struct pl_standby_secret *secret) {
    return set(socket, ZMQ_CURVE_SERVERKEY, secret->server_public) &&
           set(socket, ZMQ_CURVE_PUBLICKEY, secret->client_public) &&
           set(socket, ZMQ_CURVE_SECRETKEY, secret->client_secret);
}
