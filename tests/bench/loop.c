/* loop.c: the clean-window job as a single-purpose program: what a good engineer writes in an afternoon when nothing
 * but this job has to be done. It is the yardstick beside which `tests/bench/run` puts the engine.
 *
 *     loop v1 IN OUT     rows that are there and in their tag's range, as they stood
 *     loop v2 IN OUT     a line a tag and 10 s window: start_ns,tag,count,mean,min,max,last
 *     loop v3 IN OUT     as v1, but what passes is put to a rule in Lua, and lines that it fits are told
 */
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

enum { BLOCK = 1 << 20, TAGS = 1024, SLOTS = 4096, NAME = 64 };
static const uint64_t window = 10000000000u;

struct tag {
    char name[NAME];
    size_t length;
    double low, high;
    uint64_t start, count;
    double sum, min, max, last;
};

static struct tag tags[TAGS];
static unsigned tag_count;
static uint16_t slots[SLOTS]; /* index + 1 */
static FILE *out;
static uint64_t rows, missing, outside, windows, alerts;
static lua_State *lua; /* v3; its function at index 1 */
static bool windowed;

static void set_range(struct tag *tag) {
    static const struct {
        const char *suffix;
        double low, high;
    } ranges[] = {{".voltage", 0, 10},
                  {".current", 0, 400},
                  {".bath_temp", 800, 1100},
                  {".anode_pos", 0, 1000},
                  {".noise", 0, 500}};
    tag->low = -INFINITY;
    tag->high = INFINITY;
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        size_t n = strlen(ranges[i].suffix);
        if (tag->length < n || memcmp(tag->name + tag->length - n, ranges[i].suffix, n) != 0) continue;
        tag->low = ranges[i].low;
        tag->high = ranges[i].high;
    }
}

static struct tag *find(const char *name, size_t length) {
    uint64_t hash = length, word = 0;
    for (size_t i = 0; i + 8 <= length; i += 8) {
        memcpy(&word, name + i, 8);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    }
    if (length >= 8) memcpy(&word, name + length - 8, 8);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    for (size_t slot = hash >> 52;; slot = (slot + 1) % SLOTS) {
        if (!slots[slot]) {
            if (tag_count == TAGS || length >= NAME) exit(1);
            struct tag *tag = &tags[tag_count++];
            slots[slot] = (uint16_t)tag_count;
            memcpy(tag->name, name, length);
            tag->length = length;
            tag->start = UINT64_MAX;
            set_range(tag);
            return tag;
        }
        struct tag *tag = &tags[slots[slot] - 1];
        if (tag->length == length && memcmp(tag->name, name, length) == 0) return tag;
    }
}

static double number(const char *from, const char *to) {
    static const double scale[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
    uint64_t digits = 0;
    int decimals = -1;
    bool negative = from < to && *from == '-';
    for (const char *p = from + negative; p < to; p++) {
        if (*p == '.' && decimals < 0) {
            decimals = 0;
        } else if (*p >= '0' && *p <= '9' && decimals < 8) {
            digits = digits * 10 + (uint64_t)(*p - '0');
            decimals += decimals >= 0;
        } else {
            return NAN;
        }
    }
    double value = (double)digits / scale[decimals > 0 ? decimals : 0];
    return from == to ? NAN : negative ? -value : value;
}

static void close_window(struct tag *tag) {
    if (tag->start == UINT64_MAX) return;
    fprintf(out, "%llu,%s,%llu,%.6f,%.6f,%.6f,%.6f\n", (unsigned long long)tag->start, tag->name,
            (unsigned long long)tag->count, tag->sum / (double)tag->count, tag->min, tag->max, tag->last);
    windows++;
}

static void aggregate(struct tag *tag, uint64_t time, double value) {
    if (time - tag->start >= window) {
        close_window(tag);
        tag->start = time / window * window;
        tag->count = 0;
        tag->sum = 0;
        tag->min = INFINITY;
        tag->max = -INFINITY;
    }
    tag->count++;
    tag->sum += value;
    tag->min = value < tag->min ? value : tag->min;
    tag->max = value > tag->max ? value : tag->max;
    tag->last = value;
}

static void ask_rule(const char *line, const char *end, const struct tag *tag, double value) {
    lua_pushvalue(lua, 1);
    lua_pushlstring(lua, tag->name, tag->length);
    lua_pushnumber(lua, value);
    if (lua_pcall(lua, 2, 1, 0) != LUA_OK) exit(1);
    if (lua_toboolean(lua, -1)) {
        alerts++;
        fwrite(line, 1, (size_t)(end - line) + 1, out);
    }
    lua_settop(lua, 1);
}

static bool open_rule(void) {
    lua = luaL_newstate();
    return lua && luaL_loadstring(lua, "return function(tag, value) return value > 985.0 end") == LUA_OK &&
           lua_pcall(lua, 0, 1, 0) == LUA_OK;
}

static void row(const char *line, const char *end) {
    uint64_t time = 0;
    const char *p = line;
    for (; *p != ','; p++)
        time = time * 10 + (uint64_t)(*p - '0');
    const char *name = p + 1, *comma = memchr(name, ',', (size_t)(end - name));
    struct tag *tag = find(name, (size_t)(comma - name));
    double value = number(comma + 1, end);
    rows++;
    if (isnan(value))
        missing++;
    else if (value < tag->low || value > tag->high)
        outside++;
    else if (windowed)
        aggregate(tag, time, value);
    else if (lua)
        ask_rule(line, end, tag, value);
    else
        fwrite(line, 1, (size_t)(end - line) + 1, out);
}

int main(int argc, char **argv) {
    bool known = argc == 4 && argv[1][0] == 'v' && argv[1][1] >= '1' && argv[1][1] <= '3' && !argv[1][2];
    if (!known) {
        fprintf(stderr, "usage: loop v1|v2|v3 IN OUT\n");
        return 2;
    }
    int in = open(argv[2], O_RDONLY);
    out = fopen(argv[3], "w");
    static char block[BLOCK + 1], buffer[BLOCK];
    if (in < 0 || !out || setvbuf(out, buffer, _IOFBF, sizeof buffer)) return 1;
    windowed = argv[1][1] == '2';
    if (argv[1][1] == '3' && !open_rule()) return 1;
    size_t have = 0;
    for (ssize_t got; (got = read(in, block + have, BLOCK - have)) > 0;) {
        const char *line = block, *limit = block + have + got, *end;
        while ((end = memchr(line, '\n', (size_t)(limit - line)))) {
            row(line, end);
            line = end + 1;
        }
        have = (size_t)(limit - line);
        memmove(block, line, have);
    }
    for (unsigned i = 0; i < tag_count; i++)
        close_window(&tags[i]);
    fprintf(stderr, "rows %llu missing %llu outside %llu windows %llu alerts %llu\n", (unsigned long long)rows,
            (unsigned long long)missing, (unsigned long long)outside, (unsigned long long)windows,
            (unsigned long long)alerts);
    return fclose(out) ? 1 : 0;
}
