/* tensors_write.c: safetensors files, written. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include <potline/json.h>

#include "tensors.h"

static uint64_t count_of(const struct tensor_out *t) {
    uint64_t count = 1;
    for (unsigned i = 0; i < t->dimensions; i++)
        count *= t->extent[i];
    return count;
}

static uint64_t bytes_of(const struct tensor_out *t) {
    return count_of(t) * (t->wide ? 8 : 4);
}

/* ---- The header ---- */

enum { TENSOR_TEXT_MAX = 6 * TENSOR_NAME_MAX + 256 };

static char *put_pair(char *at, const char *key, const char *text) {
    at = pl_json_put_string(at, key, strlen(key));
    *at++ = ':';
    return pl_json_put_string(at, text, strlen(text));
}

static char *put_tensor(char *at, const struct tensor_out *t, uint64_t offset) {
    at = pl_json_put_string(at, t->name, strlen(t->name));
    at += sprintf(at, ":{\"dtype\":\"%s\",\"shape\":[", t->wide ? "F64" : "F32");
    for (unsigned i = 0; i < t->dimensions; i++)
        at += sprintf(at, "%s%" PRIu64, i ? "," : "", t->extent[i]);
    return at + sprintf(at, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", offset, offset + bytes_of(t));
}

/* Padded with blanks, so that the data begin at a multiple of 8. */
static char *header_of(const struct tensor_out *tensors, unsigned count, const struct tensor_note *notes,
                       unsigned note_count, size_t *size) {
    size_t room = 128 + (size_t)count * TENSOR_TEXT_MAX;
    for (unsigned i = 0; i < note_count; i++)
        room += PL_JSON_STRING_ROOM(strlen(notes[i].key) + strlen(notes[i].text)) + 8;
    char *text = pl_alloc(room), *at = text;
    uint64_t offset = 0;
    if (!text) return NULL;
    at = put_pair(at + sprintf(at, "{\"__metadata__\":{"), TENSORS_CHECKSUM, TENSORS_CHECKSUM_NONE);
    for (unsigned i = 0; i < note_count; i++) {
        if (strcmp(notes[i].key, TENSORS_CHECKSUM) == 0) continue; /* of the file that the notes were read from */
        *at++ = ',';
        at = put_pair(at, notes[i].key, notes[i].text);
    }
    *at++ = '}';
    for (unsigned i = 0; i < count; i++) {
        *at++ = ',';
        at = put_tensor(at, &tensors[i], offset);
        offset += bytes_of(&tensors[i]);
    }
    *at++ = '}';
    while ((at - text) % 8)
        *at++ = ' ';
    *at = 0;
    *size = (size_t)(at - text);
    return text;
}

/* ---- The file ---- */

/* Where bytes go: into the file, or only into its checksum. */
struct sink {
    FILE *out;
    XXH3_state_t *sum;
};

static bool put_bytes(const struct sink *to, const void *bytes, size_t size) {
    if (to->sum) return XXH3_64bits_update(to->sum, bytes, size) == XXH_OK;
    return fwrite(bytes, 1, size, to->out) == size;
}

static bool put_little(const struct sink *to, uint64_t bits, unsigned width) {
    uint8_t bytes[8] = {0};
    for (unsigned i = 0; i < width; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    return put_bytes(to, bytes, width);
}

static bool put_value(const struct sink *to, double value, bool wide) {
    uint64_t bits;
    uint32_t half;
    const float narrow = (float)value;
    memcpy(&bits, &value, sizeof bits);
    memcpy(&half, &narrow, sizeof half);
    return wide ? put_little(to, bits, 8) : put_little(to, half, 4);
}

static bool put_all(const struct sink *to, const char *header, size_t size, const struct tensor_out *tensors,
                    unsigned count) {
    bool good = put_bytes(to, header, size);
    for (unsigned i = 0; i < count; i++)
        for (uint64_t k = 0, n = count_of(&tensors[i]); good && k < n; k++)
            good = put_value(to, tensors[i].value[k], tensors[i].wide);
    return good;
}

/* Into its place in the header; false without memory. */
static bool put_checksum(char *header, size_t size, const struct tensor_out *tensors, unsigned count) {
    char digits[TENSORS_CHECKSUM_DIGITS + 1];
    char *place = strstr(header, TENSORS_CHECKSUM_NONE) + TENSORS_CHECKSUM_PREFIX; /* the first note */
    const struct sink to = {.sum = XXH3_createState()};
    const bool good = to.sum && XXH3_64bits_reset(to.sum) == XXH_OK && put_all(&to, header, size, tensors, count);
    if (good) snprintf(digits, sizeof digits, "%016" PRIx64, (uint64_t)XXH3_64bits_digest(to.sum));
    if (good) memcpy(place, digits, TENSORS_CHECKSUM_DIGITS);
    XXH3_freeState(to.sum);
    return good;
}

static bool put_file(FILE *out, const char *header, size_t size, const struct tensor_out *tensors, unsigned count) {
    const struct sink to = {.out = out};
    return put_little(&to, size, 8) && put_all(&to, header, size, tensors, count) && !fflush(out) &&
           !fsync(fileno(out));
}

/* The name of a file is safe when its folder is. */
static void sync_folder(const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    int fd = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

enum pl_code tensors_write(const char *path, const struct tensor_out *tensors, unsigned count,
                           const struct tensor_note *notes, unsigned note_count, struct pl_error **error) {
    char temporary[4096];
    size_t size = 0;
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary)
        return pl_error_set(error, PL_LIMIT, "%s: the name is too long", path);
    char *header = header_of(tensors, count, notes, note_count, &size);
    if (!header || !put_checksum(header, size, tensors, count)) {
        pl_free(header);
        return pl_error_set(error, PL_NO_MEMORY, "%s: no memory", path);
    }
    FILE *out = fopen(temporary, "wb");
    bool good = out && put_file(out, header, size, tensors, count);
    const int why = errno;
    if (out) good = !fclose(out) && good;
    pl_free(header);
    good = good && !rename(temporary, path);
    if (!good) {
        if (out) unlink(temporary);
        return pl_error_set(error, PL_IO, "%s: %s", path, strerror(why ? why : errno));
    }
    sync_folder(path);
    return PL_OK;
}
