#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "link.h"
#include "wall.h"

static int on_key_password(char *buffer, int size, int writing, void *user) {
    const char *password = user;
    int length = (int)strlen(password);
    (void)writing;
    if (length > size) return 0;
    memcpy(buffer, password, (size_t)length);
    return length;
}

/* The first of its files that cannot be used. */
static const char *read_files(SSL_CTX *context, const struct pl_mqtt_tls *tls) {
    if (SSL_CTX_load_verify_locations(context, tls->ca, NULL) != 1) return tls->ca;
    if (!*tls->certificate) return NULL;
    if (SSL_CTX_use_certificate_chain_file(context, tls->certificate) != 1) return tls->certificate;
    if (SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1) return tls->key;
    return SSL_CTX_check_private_key(context) == 1 ? NULL : tls->key;
}

SSL_CTX *pl_wall_tls(const struct pl_mqtt_tls *tls, struct pl_error **error) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(context);
        pl_error_set(error, PL_NO_MEMORY, "no memory for TLS");
        return NULL;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);      /* handshakes without end would keep the thread */
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION); /* and a write that waits for one would spin */
    SSL_CTX_set_default_passwd_cb(context, on_key_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, (void *)tls->key_password);
    const char *bad = read_files(context, tls);
    if (!bad) return context;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    pl_error_set(error, PL_IO, "tls: %s cannot be used: %s", bad, reason ? reason : "unknown reason");
    SSL_CTX_free(context);
    return NULL;
}
