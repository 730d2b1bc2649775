/* tensors.h: named arrays of numbers in a file, as safetensors has them (huggingface.co/docs/safetensors), so that
 * weights go over from and to PyTorch.
 *
 *     8 bytes, little-endian: length of the header
 *     header: JSON, name -> {"dtype": "F32", "shape": [..], "data_offsets": [first, behind]}, and __metadata__: texts
 *     data
 *
 * Everything is checked before it is looked at; files are at most TENSORS_FILE_MAX. Read are F32 and F64.
 *
 * What is written has a note `checksum`, "xxh3:" and sixteen digits: of the header with zeros in their place, and the
 * data (XXH3, 64 bits). A file with that note is refused when they are not its own; one without it (of PyTorch, or of
 * before) is read as it is.
 */
#ifndef POTLINE_DETECT_TENSORS_H
#define POTLINE_DETECT_TENSORS_H

#include <potline/potline.h>

enum { TENSORS_MAX = 256, TENSOR_NAME_MAX = 128, TENSOR_DIMENSIONS = 4, TENSOR_NOTES_MAX = 64 };
#define TENSORS_FILE_MAX (UINT64_C(256) << 20)
#define TENSORS_HEADER_MAX (UINT64_C(1) << 20)

#define TENSORS_CHECKSUM "checksum" /* the note, which nobody else may set */
#define TENSORS_CHECKSUM_NONE "xxh3:0000000000000000"
enum { TENSORS_CHECKSUM_PREFIX = 5, TENSORS_CHECKSUM_DIGITS = 16 };

struct tensor {
    char name[TENSOR_NAME_MAX];
    bool wide; /* F64 */
    unsigned dimensions;
    uint64_t extent[TENSOR_DIMENSIONS];
    uint64_t count;
    const uint8_t *data; /* of the file; may be unaligned */
};

/* A pair of __metadata__. */
struct tensor_note {
    char *key, *text;
};

struct tensors {
    uint8_t *bytes;
    struct tensor tensor[TENSORS_MAX];
    unsigned count;
    struct tensor_note note[TENSOR_NOTES_MAX];
    unsigned notes;
};

/* Whatever it returns, tensors_free. Errors name the file. */
enum pl_code tensors_read(const char *path, struct tensors *tensors, struct pl_error **error);
void tensors_free(struct tensors *tensors);

const struct tensor *tensors_find(const struct tensors *tensors, const char *name);
const char *tensors_note(const struct tensors *tensors, const char *key); /* NULL: there is none */
double tensor_value(const struct tensor *tensor, uint64_t index);

/* ---- Writing ---- */

struct tensor_out {
    const char *name;
    bool wide;
    unsigned dimensions;
    uint64_t extent[TENSOR_DIMENSIONS];
    const double *value; /* row by row */
};

/* In one go: the file is there complete and on disk, or as it was. */
enum pl_code tensors_write(const char *path, const struct tensor_out *tensors, unsigned count,
                           const struct tensor_note *notes, unsigned note_count, struct pl_error **error);

#endif
