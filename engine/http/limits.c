#include "limits.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <xxhash.h>

enum { PLACES = 4096, WAYS = 8, NAME = 160 };
static const pl_time WINDOW = 15 * 60 * PL_SECOND, LOCKED = 5 * 60 * PL_SECOND;

struct bucket {
    uint64_t name; /* a hash; 0: free */
    double left;
    pl_time filled;
};

struct trial {
    uint64_t name;
    unsigned failures, under_way;
    pl_time first, until; /* locked */
};

struct pl_limits {
    struct bucket buckets[PLACES];
    struct trial trials[PLACES];
    uint64_t seed; /* nobody outside can choose names that meet */
};

struct pl_limits *pl_limits_new(void) {
    struct pl_limits *limits = PL_NEW(struct pl_limits);
    if (limits) limits->seed = (uint64_t)(uintptr_t)limits * UINT64_C(0x9e3779b97f4a7c15);
    return limits;
}

void pl_limits_free(struct pl_limits *limits) {
    pl_free(limits);
}

static uint64_t hash_of(const struct pl_limits *limits, const char *what, const char *a, const char *b) {
    char text[NAME];
    int length = snprintf(text, sizeof text, "%s %s %s", what, a, b);
    size_t size = length < (int)sizeof text ? (size_t)length : sizeof text - 1;
    uint64_t hash = XXH3_64bits_withSeed(text, size, limits->seed);
    return hash ? hash : 1;
}

/* Whoever has an address of IPv6 has all that begin alike for 64 bits. */
static const char *place_of(const char *address, char text[INET6_ADDRSTRLEN]) {
    struct in6_addr six;
    if (inet_pton(AF_INET6, address, &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six)) return address;
    memset(&six.s6_addr[8], 0, 8);
    return inet_ntop(AF_INET6, &six, text, INET6_ADDRSTRLEN);
}

/* ---- Requests ---- */

static struct bucket *bucket_of(struct pl_limits *limits, uint64_t name, double most, pl_time now) {
    struct bucket *oldest = NULL;
    for (unsigned i = 0; i < WAYS; i++) {
        struct bucket *bucket = &limits->buckets[(name + i) % PLACES];
        if (bucket->name == name) return bucket;
        if (!oldest || bucket->filled < oldest->filled) oldest = bucket;
    }
    *oldest = (struct bucket){.name = name, .left = most, .filled = now};
    return oldest;
}

bool pl_limits_take(struct pl_limits *limits, enum pl_limited what, const char *address, pl_time now, unsigned *wait) {
    static const struct {
        double rate, most;
        const char *name;
    } of[] = {[PL_LIMITED_REQUESTS] = {2000, 4000, "requests"},
              [PL_LIMITED_STRANGERS] = {20, 100, "strangers"},
              [PL_LIMITED_REFUSALS] = {1.0 / 60, 5, "refusals"}};
    char text[INET6_ADDRSTRLEN];
    uint64_t name = hash_of(limits, of[what].name, place_of(address, text), "");
    struct bucket *bucket = bucket_of(limits, name, of[what].most, now);
    bucket->left = fmin(of[what].most, bucket->left + (double)(now - bucket->filled) * 1e-9 * of[what].rate);
    bucket->filled = now;
    *wait = 1;
    if (bucket->left < 1) return false;
    bucket->left -= 1;
    return true;
}

/* ---- Passwords ---- */

enum { SCOPES = 3 };
static const unsigned most_failures[SCOPES] = {5, 30, 50}; /* of a user from an address, an address, a user */

static uint64_t trial_name(const struct pl_limits *limits, unsigned scope, const char *user, const char *address) {
    char text[INET6_ADDRSTRLEN];
    address = place_of(address, text);
    return scope == 0   ? hash_of(limits, "both", user, address)
           : scope == 1 ? hash_of(limits, "address", address, "")
                        : hash_of(limits, "user", user, "");
}

static struct trial *find_trial(struct pl_limits *limits, uint64_t name) {
    for (unsigned i = 0; i < WAYS; i++)
        if (limits->trials[(name + i) % PLACES].name == name) return &limits->trials[(name + i) % PLACES];
    return NULL;
}

static struct trial *trial_of(struct pl_limits *limits, uint64_t name, pl_time now) {
    struct trial *found = find_trial(limits, name), *oldest = NULL;
    for (unsigned i = 0; i < WAYS && !found; i++) {
        struct trial *trial = &limits->trials[(name + i) % PLACES];
        if (!oldest || trial->first + trial->until < oldest->first + oldest->until) oldest = trial;
    }
    if (!found) *(found = oldest) = (struct trial){.name = name, .first = now};
    if (now - found->first > WINDOW && now >= found->until)
        *found = (struct trial){.name = name, .first = now, .under_way = found->under_way};
    return found;
}

/* In how many seconds there may be another one; 0: now. */
static unsigned wait_of(const struct trial *trial, unsigned most, pl_time now) {
    if (now < trial->until) return (unsigned)((trial->until - now) / PL_SECOND) + 1;
    return trial->failures + trial->under_way >= most;
}

bool pl_limits_begin_login(struct pl_limits *limits, const char *user, const char *address, pl_time now,
                           unsigned *wait) {
    struct trial *trials[SCOPES];
    *wait = 0;
    for (unsigned i = 0; i < SCOPES; i++) {
        trials[i] = trial_of(limits, trial_name(limits, i, user, address), now);
        unsigned left = wait_of(trials[i], most_failures[i], now);
        if (left > *wait) *wait = left;
    }
    for (unsigned i = 0; i < SCOPES && !*wait; i++)
        trials[i]->under_way++;
    return *wait == 0;
}

void pl_limits_end_login(struct pl_limits *limits, const char *user, const char *address, enum pl_login login,
                         pl_time now) {
    for (unsigned i = 0; i < SCOPES; i++) {
        struct trial *trial = trial_of(limits, trial_name(limits, i, user, address), now);
        if (trial->under_way) trial->under_way--; /* another name may have had its place meanwhile */
        if (login == PL_LOGIN_GOOD && i != 1)     /* one good password does not excuse wrong ones for others */
            trial->failures = 0;
        if (login == PL_LOGIN_WRONG && ++trial->failures >= most_failures[i]) {
            trial->until = now + LOCKED;
            trial->failures = 0;
        }
    }
}
