/* A schema of Avro and a message by it, both of any origin: the input's first two bytes say how long the schema is.
 * What is read is JSON that jansson reads too, within its limit; and the same schema as a registry's answer is one or
 * none.
 */
#include <string.h>

#include <jansson.h>

#include <potline/alloc.h>

#include "expect.h"
#include "schema.h"

enum { LIMIT = 20000 };

static void read_message(const struct pl__avro *avro, const uint8_t *bytes, size_t size) {
    struct pl__text text = {.limit = LIMIT};
    uint8_t *exact = malloc(size ? size : 1);
    EXPECT(exact);
    if (size) memcpy(exact, bytes, size);
    if (!pl__avro_read(avro, exact, size, &text)) {
        json_error_t error;
        json_t *value = json_loadb(text.at, text.size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
        EXPECT(text.size <= LIMIT && text.at[0] == '{');
        /* Keys with a 0 are JSON, which jansson does not read. */
        EXPECT(json_is_object(value) || json_error_code(&error) == json_error_null_byte_in_key);
        json_decref(value);
    }
    EXPECT(text.room <= 20 * (size_t)LIMIT + 2 * size * 6);
    pl_free(text.at);
    free(exact);
}

static void read_answer(const char *type, const char *schema, size_t length) {
    struct pl__schema *read = NULL;
    json_t *text = json_stringn(schema, length);
    if (!text) return; /* no UTF-8 */
    json_t *body = json_pack("{s:s,s:o}", "schemaType", type, "schema", text);
    struct pl_error *error = NULL;
    EXPECT((pl__schema_read(body, &read, &error) == PL_OK) == (read != NULL));
    EXPECT((read == NULL) == (error != NULL));
    pl__schema_free(read);
    pl_error_free(&error);
    json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct pl__avro *avro = NULL;
    if (size < 2) return 0;
    size_t length = (size_t)bytes[0] | (size_t)bytes[1] << 8;
    if (length > size - 2) length = size - 2;
    char *schema = malloc(length ? length : 1);
    EXPECT(schema);
    if (length) memcpy(schema, bytes + 2, length);
    if (!pl__avro_new(schema, length, &avro, NULL)) read_message(avro, bytes + 2 + length, size - 2 - length);
    pl__avro_free(avro);
    read_answer("AVRO", schema, length);
    read_answer("JSON", schema, length);
    free(schema);
    return 0;
}
