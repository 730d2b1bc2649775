/* What an engine and its standby send each other: refused, or what stays inside its bytes; the writes in it, too. */
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "standby/wire.h"

static bool inside(const void *data, size_t size, const uint8_t *bytes, size_t all) {
    const uint8_t *at = data;
    return !size || (at >= bytes && size <= all && at <= bytes + all - size);
}

static void read_writes(const struct pl__wire *message) {
    const void *bytes = message->bytes[PL__WRITES_BATCHES].data;
    size_t size = message->bytes[PL__WRITES_BATCHES].size, offset = 0, before = 0;
    struct pl__batch batch;
    while (offset < size && pl__wire_next_batch(bytes, size, &offset, PL__WIRE_FAMILIES, &batch)) {
        EXPECT(offset > before && offset <= size);
        EXPECT(inside(batch.data, batch.size, bytes, size));
        before = offset;
    }
}

static void read_message(const uint8_t *bytes, size_t size) {
    struct pl__wire message, again;
    if (!pl__wire_read(bytes, size, &message)) return;
    for (unsigned i = 0; i < PL__WIRE_BYTES; i++)
        EXPECT(inside(message.bytes[i].data, message.bytes[i].size, bytes, size));
    if (message.type == PL__WRITES) read_writes(&message);
    struct pl_pack *pack = pl_pack_new();
    EXPECT(pack);
    pl__wire_write(&message, pack);
    EXPECT(pl__wire_read(pl_pack_data(pack), pl_pack_size(pack), &again));
    EXPECT(again.type == message.type && memcmp(again.number, message.number, sizeof again.number) == 0);
    pl_pack_free(pack);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct pl__batch batch;
    uint8_t *exact = malloc(size ? size : 1);
    EXPECT(exact);
    if (size) memcpy(exact, bytes, size);
    read_message(exact, size);
    if (pl__wire_check_batch((const char *)exact, size, PL__WIRE_FAMILIES, &batch)) EXPECT(batch.count <= size);
    free(exact);
    return 0;
}
