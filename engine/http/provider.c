#include "provider.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/clock.h"
#include "http/workers.h"

enum { JWKS_MAX = 256 << 10, CONNECT_MS = 5000, ALL_MS = 10000, OK = 200, WHY = 256 };
static const pl_time AGAIN = 300 * PL_SECOND, SOON = 30 * PL_SECOND, SELDOM = 10 * PL_SECOND, BELIEVED = PL_DAY;

/* What a URL gave; made by the worker, taken by the server's thread. */
struct fetch {
    char text[JWKS_MAX];
    size_t size;
    enum pl_code code;
    char why[WHY];
    struct pl_jwt_keys keys;
};

struct pl_provider {
    struct pl_provider_options options;
    struct pl_jwt_keys keys;
    struct pl_workers *worker; /* NULL: a file */
    struct fetch *fetch;       /* the worker's, as long as it is under way */
    bool begun, under_way, failing;
    pl_time asked, heard; /* the last time; heard 0: never */
    _Atomic bool ending;
    struct pl_http_posted posted;
};

/* ---- A URL, on the worker ---- */

static size_t take(char *bytes, size_t one, size_t count, void *arg) {
    struct fetch *fetch = arg;
    size_t size = one * count;
    if (size > sizeof fetch->text - fetch->size) return 0;
    memcpy(fetch->text + fetch->size, bytes, size);
    fetch->size += size;
    return size;
}

static int goes_on(void *arg, curl_off_t all, curl_off_t now, curl_off_t up_all, curl_off_t up) {
    const struct pl_provider *provider = arg;
    (void)all, (void)now, (void)up_all, (void)up;
    return atomic_load(&provider->ending);
}

static bool is_clear(const char *url) {
    return strncmp(url, "http://", 7) == 0;
}

static bool set_options(CURL *curl, struct pl_provider *provider) {
    const struct pl_provider_options *options = &provider->options;
    return !curl_easy_setopt(curl, CURLOPT_URL, options->source) &&
           !curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, is_clear(options->source) ? "http" : "https") &&
           !curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           !curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) && !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) &&
           !curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ALL_MS) &&
           !curl_easy_setopt(curl, CURLOPT_USERAGENT, "potline") &&
           !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) &&
           !curl_easy_setopt(curl, CURLOPT_WRITEDATA, provider->fetch) &&
           !curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, goes_on) &&
           !curl_easy_setopt(curl, CURLOPT_XFERINFODATA, provider) && !curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) &&
           (!is_clear(options->source) || !curl_easy_setopt(curl, CURLOPT_NOPROXY, "*")) && /* it stays here */
           (!options->ca || !curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca));
}

static enum pl_code get(struct pl_provider *provider, struct pl_error **error) {
    CURL *curl = curl_easy_init();
    struct fetch *fetch = provider->fetch;
    long status = 0;
    if (!curl || !set_options(curl, provider)) {
        curl_easy_cleanup(curl);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a request");
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code == CURLE_WRITE_ERROR) return pl_error_set(error, PL_LIMIT, "it has more than %d bytes", JWKS_MAX);
    if (code) return pl_error_set(error, PL_UNAVAILABLE, "%s", curl_easy_strerror(code));
    if (status != OK) return pl_error_set(error, PL_UNAVAILABLE, "it answers %ld", status);
    return pl_jwt_read_jwks(fetch->text, fetch->size, &fetch->keys, error);
}

static void take_over(void *arg);

static void work(void *arg) {
    struct pl_provider *provider = arg;
    struct fetch *fetch = provider->fetch;
    struct pl_error *error = NULL;
    fetch->size = 0;
    fetch->code = get(provider, &error);
    snprintf(fetch->why, sizeof fetch->why, "%s", error ? error->text : pl_code_text(fetch->code));
    pl_error_free(&error);
    pl_http_post(provider->options.server, &provider->posted, take_over, provider);
}

/* ---- On the server's thread ---- */

static void take_over(void *arg) {
    struct pl_provider *provider = arg;
    struct fetch *fetch = provider->fetch;
    provider->under_way = false;
    provider->asked = pl_clock_monotonic(); /* from the end on: one that dawdles is not asked all the time */
    if (fetch->code) {
        if (!provider->failing && !atomic_load(&provider->ending))
            pl_diag(PL_WARN, "https: no keys of the identity provider from %s: %s", provider->options.source,
                    fetch->why);
        provider->failing = true;
        return;
    }
    if (provider->failing)
        pl_diag(PL_INFO, "https: %s gives the keys of the identity provider again", provider->options.source);
    provider->failing = false;
    provider->heard = provider->asked;
    pl_jwt_keys_fini(&provider->keys);
    provider->keys = fetch->keys;
    fetch->keys = (struct pl_jwt_keys){.count = 0};
}

static void begin(struct pl_provider *provider, pl_time now) {
    if (provider->under_way) return;
    provider->begun = true;
    provider->asked = now;
    provider->under_way = pl_workers_do(provider->worker, "", work, provider);
}

void pl_provider_tick(struct pl_provider *provider, pl_time now) {
    if (!provider || !provider->worker) return;
    if (!provider->begun || now - provider->asked >= (provider->failing ? SOON : AGAIN)) begin(provider, now);
    if (!provider->keys.count || now - provider->heard < BELIEVED) return;
    pl_diag(PL_WARN, "https: the keys of the identity provider are a day old: they are not believed any more");
    pl_jwt_keys_fini(&provider->keys);
}

bool pl_provider_ask(struct pl_provider *provider, pl_time now) {
    if (!provider || !provider->worker) return false;
    if (!provider->begun || now - provider->asked >= SELDOM) begin(provider, now);
    return provider->under_way;
}

const struct pl_jwt_keys *pl_provider_keys(const struct pl_provider *provider) {
    static const struct pl_jwt_keys none;
    return provider ? &provider->keys : &none;
}

/* ---- Life ---- */

static enum pl_code read_file(struct pl_provider *provider, struct pl_error **error) {
    const char *path = provider->options.source;
    FILE *file = fopen(path, "re");
    char *text = pl_alloc(JWKS_MAX);
    size_t size = file && text ? fread(text, 1, JWKS_MAX, file) : 0;
    enum pl_code code = size && size < JWKS_MAX ? pl_jwt_read_jwks(text, size, &provider->keys, error) : PL_IO;
    if (file) fclose(file);
    pl_free(text);
    return code ? pl_error_set(error, PL_USAGE, "%s is no file with the keys of an issuer", path) : PL_OK;
}

/* http:// only to this machine: whoever is between could give keys of their own. What is before an @ is no host. */
static bool is_near(const char *url) {
    static const char *const hosts[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    if (strchr(url, '@')) return false;
    for (unsigned i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t length = strlen(hosts[i]);
        if (strncmp(url, hosts[i], length) == 0 && strchr(":/", url[length]) && url[length]) return true;
    }
    return false;
}

static enum pl_code begin_url(struct pl_provider *provider, struct pl_error **error) {
    const char *url = provider->options.source;
    if (is_clear(url) && !is_near(url))
        return pl_error_set(error, PL_USAGE, "%s: keys come by https:// only, but from this machine", url);
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) return pl_error_set(error, PL_UNAVAILABLE, "no HTTP for the keys");
    provider->fetch = PL_NEW(struct fetch);
    provider->worker = pl_workers_new("http keys", 1, 1, 1);
    return provider->fetch && provider->worker ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the keys");
}

enum pl_code pl_provider_new(const struct pl_provider_options *options, struct pl_provider **provider,
                             struct pl_error **error) {
    struct pl_provider *p = *provider = PL_NEW(struct pl_provider);
    if (!p) return pl_error_set(error, PL_NO_MEMORY, "no memory for an identity provider");
    p->options = *options;
    bool url = is_clear(options->source) || strncmp(options->source, "https://", 8) == 0;
    enum pl_code code = url ? begin_url(p, error) : read_file(p, error);
    if (!code) return PL_OK;
    pl_provider_free(p);
    *provider = NULL;
    return code;
}

void pl_provider_end(struct pl_provider *provider) {
    if (!provider) return;
    atomic_store(&provider->ending, true);
    pl_workers_end(provider->worker);
}

void pl_provider_free(struct pl_provider *provider) {
    if (!provider) return;
    pl_provider_end(provider);
    pl_workers_free(provider->worker);
    pl_jwt_keys_fini(&provider->keys);
    if (provider->fetch) pl_jwt_keys_fini(&provider->fetch->keys);
    pl_free(provider->fetch);
    pl_free(provider);
}
