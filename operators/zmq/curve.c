#include "curve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "zap.h"

bool pl__curve_is_key(const char *text) {
    uint8_t bytes[PL__CURVE_BYTES];
    return strlen(text) == PL__CURVE_TEXT && zmq_z85_decode(bytes, text) != NULL;
}

/* The first word of the file. */
static enum pl_code read_key(const char *path, char key[PL__CURVE_TEXT + 1], struct pl_error **error) {
    FILE *file = fopen(path, "re");
    if (!file)
        return pl_error_set(error, PL_NOT_FOUND, "a file with a secret key expected at %s: %s", path, strerror(errno));
    char line[128] = "";
    bool read = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    line[strcspn(line, " \t\r\n")] = 0;
    bool good = read && pl__curve_is_key(line);
    if (good) memcpy(key, line, PL__CURVE_TEXT + 1);
    explicit_bzero(line, sizeof(line));
    return good ? PL_OK : pl_error_set(error, PL_SYNTAX, "a key of 40 characters of Z85 expected in %s", path);
}

static enum pl_code own_key(const struct pl__link_options *options, char secret[PL__CURVE_TEXT + 1],
                            struct pl_error **error) {
    if (*options->secret_file) return read_key(options->secret_file, secret, error);
    if (*options->secret_key) {
        snprintf(secret, PL__CURVE_TEXT + 1, "%s", options->secret_key);
        return PL_OK;
    }
    char public[PL__CURVE_TEXT + 1];
    if (zmq_curve_keypair(public, secret) == 0) return PL_OK;
    return pl_error_set(error, PL_UNAVAILABLE, "this libzmq has no CURVE");
}

static bool set(struct pl__link *link, int option, const char *text) {
    return zmq_setsockopt(link->socket, option, text, strlen(text) + 1) == 0;
}

static bool set_up_server(struct pl__link *link, const struct pl__link_options *options, const char *secret) {
    int yes = 1;
    if (zmq_setsockopt(link->socket, ZMQ_CURVE_SERVER, &yes, sizeof(yes))) return false;
    if (!set(link, ZMQ_CURVE_SECRETKEY, secret)) return false;
    return !options->clients.count || pl__zap_allow(link, &options->clients);
}

static bool set_up_client(struct pl__link *link, const struct pl__link_options *options, const char *secret) {
    char public[PL__CURVE_TEXT + 1];
    return zmq_curve_public(public, secret) == 0 && set(link, ZMQ_CURVE_SERVERKEY, options->server_key) &&
           set(link, ZMQ_CURVE_PUBLICKEY, public) && set(link, ZMQ_CURVE_SECRETKEY, secret);
}

enum pl_code pl__curve_set_up(struct pl__link *link, const struct pl__link_options *options, struct pl_error **error) {
    char secret[PL__CURVE_TEXT + 1];
    enum pl_code code = own_key(options, secret, error);
    if (code) return code;
    bool done = options->bind.count ? set_up_server(link, options, secret) : set_up_client(link, options, secret);
    explicit_bzero(secret, sizeof(secret));
    return done ? PL_OK : pl_error_set(error, PL_UNAVAILABLE, "ZeroMQ refuses the CURVE keys: %s", zmq_strerror(errno));
}
