/* What a peer of the control plane sends, and what an engine answers: refused, or texts that end where they should. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "control/answer.h"
#include "control/packet.h"
#include "expect.h"

static void read_packet(const uint8_t *bytes, size_t size) {
    struct pl__packet packet;
    if (pl__packet_read(&packet, bytes, size)) {
        EXPECT(packet.count <= PL_WORDS_MAX);
        size_t total = 0;
        for (unsigned i = 0; i < packet.count; i++) {
            EXPECT(pl_utf8_check(packet.words[i], strlen(packet.words[i])));
            total += strlen(packet.words[i]) + 1;
        }
        EXPECT(total <= size);
        if (packet.session) EXPECT(strlen(packet.session) < size);
        if (packet.password) EXPECT(strlen(packet.password) < size);
    }
    pl__packet_fini(&packet);
}

static void read_answer(const uint8_t *bytes, size_t size) {
    struct pl_answer answer;
    if (!pl__answer_read(&answer, bytes, size)) return;
    EXPECT(answer.size <= size);
    EXPECT(strlen(answer.code) < sizeof answer.code);
    pl_answer_fini(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    uint8_t *exact = malloc(size ? size : 1);
    EXPECT(exact);
    if (size) memcpy(exact, bytes, size);
    read_packet(exact, size);
    read_answer(exact, size);
    free(exact);
    return 0;
}
