#include "address.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum { HOSTS_MAX = 32, ADDRESSES_MAX = 64, PARAMETERS_MAX = 96 };

struct pl__pg_address {
    PQconninfoOption *given; /* libpq's */
    char *hosts, *ports;     /* each host's name and port, cut at the commas; owned */
    const char *host[HOSTS_MAX], *port[HOSTS_MAX];
    unsigned count; /* 0: libpq knows without a look-up */
    unsigned next;
    unsigned found;
    char *names, *addresses, *numbers; /* what has been found, with commas between; owned */
};

static const char *given(const struct pl__pg_address *address, const char *keyword) {
    for (const PQconninfoOption *option = address->given; option->keyword; option++)
        if (strcmp(option->keyword, keyword) == 0) return option->val && *option->val ? option->val : NULL;
    return NULL;
}

/* ---- From a connection string ---- */

/* Cuts the text at its commas; returns how many parts, at most HOSTS_MAX. */
static unsigned split(char *text, const char *part[HOSTS_MAX]) {
    unsigned count = 0;
    while (text && count < HOSTS_MAX) {
        part[count++] = text;
        text = strchr(text, ',');
        if (text) *text++ = 0;
    }
    return count;
}

static bool is_port(const char *text) {
    int64_t port;
    return !*text || (pl_text_int(text, strlen(text), &port) && port >= 1 && port <= 65535);
}

/* One port stands for all hosts. */
static enum pl_code find_hosts(struct pl__pg_address *address, struct pl_error **error) {
    const char *hosts = given(address, "host"), *ports = given(address, "port");
    if (!hosts) hosts = getenv("PGHOST");
    if (!hosts || !*hosts || given(address, "hostaddr")) return PL_OK;
    if (!ports) ports = getenv("PGPORT");
    address->hosts = pl_strdup(hosts);
    address->ports = pl_strdup(ports ? ports : "");
    if (!address->hosts || !address->ports) return pl_error_set(error, PL_NO_MEMORY, "no memory for an address");
    address->count = split(address->hosts, address->host);
    unsigned ports_given = split(address->ports, address->port);
    if (ports_given != 1 && ports_given != address->count)
        return pl_error_set(error, PL_USAGE, "%u hosts and %u ports; expected a port for all, or one for each",
                            address->count, ports_given);
    for (unsigned i = 0; i < ports_given; i++)
        if (!is_port(address->port[i])) return pl_error_set(error, PL_RANGE, "a port is not from 1 to 65535");
    for (unsigned i = 1; ports_given == 1 && i < address->count; i++)
        address->port[i] = address->port[0];
    return PL_OK;
}

enum pl_code pl__pg_address_new(const char *url, struct pl__pg_address **address, struct pl_error **error) {
    char *message = NULL;
    struct pl__pg_address *a = *address = PL_NEW(struct pl__pg_address);
    if (!a) return pl_error_set(error, PL_NO_MEMORY, "no memory for an address");
    a->given = PQconninfoParse(url, &message);
    PQfreemem(message);
    enum pl_code code;
    if (!a->given)
        code =
            pl_error_set(error, PL_SYNTAX,
                         "no connection string; expected postgresql://USER@HOST/DATABASE or \"host=... dbname=...\"");
    else if (given(a, "service"))
        code = pl_error_set(error, PL_USAGE, "a service of pg_service.conf is not taken: name the host");
    else
        code = find_hosts(a, error);
    if (!code) return PL_OK;
    pl__pg_address_free(a);
    *address = NULL;
    return code;
}

void pl__pg_address_free(struct pl__pg_address *address) {
    if (!address) return;
    pl__pg_address_reset(address);
    PQconninfoFree(address->given);
    pl_free(address->hosts);
    pl_free(address->ports);
    pl_free(address);
}

/* ---- Looking up ---- */

void pl__pg_address_reset(struct pl__pg_address *address) {
    pl_free(address->names);
    pl_free(address->addresses);
    pl_free(address->numbers);
    address->names = address->addresses = address->numbers = NULL;
    address->next = address->found = 0;
}

static bool append(char **list, const char *text, bool first) {
    size_t length = *list ? strlen(*list) : 0, more = strlen(text);
    char *grown = pl_realloc(*list, length + more + 2);
    if (!grown) return false;
    *list = grown;
    if (!first) grown[length++] = ',';
    memcpy(grown + length, text, more + 1);
    return true;
}

static bool add(struct pl__pg_address *address, unsigned host, const char *numeric) {
    if (address->found == ADDRESSES_MAX) return true;
    bool first = address->found == 0;
    if (!append(&address->names, address->host[host], first) || !append(&address->addresses, numeric, first) ||
        !append(&address->numbers, address->port[host], first))
        return false;
    address->found++;
    return true;
}

/* A path is that of a Unix socket, and nothing stands for the usual one. */
static bool is_local(const char *host) {
    return host[0] == '/' || host[0] == '@' || host[0] == 0;
}

const char *pl__pg_address_next(struct pl__pg_address *address) {
    while (address->next < address->count && is_local(address->host[address->next]))
        if (!add(address, address->next++, "")) return NULL;
    return address->next < address->count ? address->host[address->next] : NULL;
}

bool pl__pg_address_found(struct pl__pg_address *address, const struct addrinfo *list) {
    char numeric[NI_MAXHOST];
    unsigned host = address->next++;
    for (; list; list = list->ai_next) {
        if (getnameinfo(list->ai_addr, list->ai_addrlen, numeric, sizeof numeric, NULL, 0, NI_NUMERICHOST)) continue;
        if (!add(address, host, numeric)) return false;
    }
    return true;
}

bool pl__pg_address_reachable(const struct pl__pg_address *address) {
    return address->count == 0 || address->found > 0;
}

/* ---- Connecting ---- */

struct parameters {
    const char *keyword[PARAMETERS_MAX + 1];
    const char *value[PARAMETERS_MAX + 1];
    unsigned count;
};

static void set(struct parameters *p, const char *keyword, const char *value) {
    if (p->count == PARAMETERS_MAX) return;
    p->keyword[p->count] = keyword;
    p->value[p->count++] = value;
}

/* Of a keyword that is there twice the last value counts. A ticket for Kerberos would be fetched without a thought for
 * who waits meanwhile, so encryption by it has to be asked for. */
PGconn *pl__pg_address_connect(const struct pl__pg_address *address) {
    struct parameters p = {.count = 0};
    set(&p, "fallback_application_name", "potline");
    set(&p, "gssencmode", "disable");
    for (const PQconninfoOption *option = address->given; option->keyword; option++)
        if (option->val && *option->val) set(&p, option->keyword, option->val);
    if (address->found) {
        set(&p, "host", address->names);
        set(&p, "hostaddr", address->addresses);
        set(&p, "port", address->numbers);
    }
    set(&p, "client_encoding", "UTF8");
    return PQconnectStartParams(p.keyword, p.value, 0);
}
