// What our own writer makes is what libcapnp makes in canonical form, byte by byte; what libcapnp makes in any other
// form, we read.

#include <batch.capnp.h>
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <evolved.capnp.h>
#include <map>
#include <string>
#include <vector>

extern "C" {
#include "batch/any_batch.h"
#include "batch/tags.h"

#include <potline/codec.h>
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the headers above */
#include <cmocka.h>
}

namespace {

class World {
  public:
    World() : tags(pl_tags_new(nullptr)), codec(pl_codec_new(tags)) {
    }
    ~World() {
        pl_codec_free(codec);
        pl_tags_free(tags);
    }
    const char *name(uint32_t id) const {
        return pl_tags_get(tags, id)->name;
    }

    struct pl_tags *tags;
    struct pl_codec *codec;
};

// ---- A batch as libcapnp's builders make it ----

class Names {
  public:
    uint32_t place(uint32_t id) {
        auto entry = places.emplace(id, ids.size());
        if (entry.second) ids.push_back(id);
        return static_cast<uint32_t>(entry.first->second);
    }
    std::vector<uint32_t> ids;

  private:
    std::map<uint32_t, size_t> places;
};

template <typename List, typename T> void fill(List list, const T *from) {
    for (unsigned i = 0; i < list.size(); i++)
        list.set(i, from[i]);
}

template <typename List> void fill_names(List list, const uint32_t *ids, Names &names) {
    for (unsigned i = 0; i < list.size(); i++)
        list.set(i, names.place(ids[i]));
}

void build(Samples::Builder b, const struct pl_batch *batch, Names &names) {
    unsigned n = batch->rows;
    fill(b.initTime(n), batch->samples.time);
    fill_names(b.initTag(n), batch->samples.tag, names);
    fill(b.initValue(n), batch->samples.value);
    fill(b.initQuality(n), batch->samples.quality);
}

void build(Windows::Builder b, const struct pl_batch *batch, Names &names) {
    unsigned n = batch->rows;
    const struct pl_windows &w = batch->windows;
    fill_names(b.initTag(n), w.tag, names);
    fill(b.initStart(n), w.start);
    fill(b.initEnd(n), w.end);
    fill(b.initCount(n), w.count);
    fill(b.initSkipped(n), w.skipped);
    fill(b.initMean(n), w.mean);
    fill(b.initMin(n), w.min);
    fill(b.initMax(n), w.max);
    fill(b.initStddev(n), w.stddev);
    fill(b.initFirst(n), w.first);
    fill(b.initLast(n), w.last);
    fill(b.initQuality(n), w.quality);
}

void build(Profiles::Builder b, const struct pl_batch *batch, Names &names) {
    unsigned n = batch->rows;
    const struct pl_profiles &p = batch->profiles;
    fill_names(b.initAsset(n), p.asset, names);
    fill_names(b.initQuantity(n), p.quantity, names);
    fill(b.initTime(n), p.time);
    fill(b.initQuality(n), p.quality);
    fill(b.initEnd(n), p.end);
    fill(b.initPositions(batch->heap_used[0]), static_cast<const double *>(batch->heap[0]));
    fill(b.initValues(batch->heap_used[1]), static_cast<const double *>(batch->heap[1]));
}

void build(Setpoints::Builder b, const struct pl_batch *batch, Names &names) {
    unsigned n = batch->rows;
    const struct pl_setpoints &s = batch->setpoints;
    fill(b.initTime(n), s.time);
    fill(b.initId(n), s.id);
    fill_names(b.initTag(n), s.tag, names);
    fill(b.initValue(n), s.value);
    fill(b.initLower(n), s.lower);
    fill(b.initUpper(n), s.upper);
    fill(b.initExpiry(n), s.expiry);
    fill(b.initToken(n), s.token);
    fill_names(b.initOrigin(n), s.origin, names);
    fill(b.initEnd(n), s.end);
    b.setReason(capnp::Data::Reader(static_cast<const kj::byte *>(batch->heap[0]), batch->heap_used[0]));
}

void build(Events::Builder b, const struct pl_batch *batch, Names &names) {
    unsigned n = batch->rows;
    const struct pl_events &e = batch->events;
    fill(b.initTime(n), e.time);
    fill(b.initId(n), e.id);
    fill_names(b.initKind(n), e.kind, names);
    fill(b.initSeverity(n), e.severity);
    fill_names(b.initAsset(n), e.asset, names);
    fill_names(b.initTag(n), e.tag, names);
    fill(b.initEnd(n), e.end);
    b.setBody(capnp::Data::Reader(static_cast<const kj::byte *>(batch->heap[0]), batch->heap_used[0]));
}

template <typename H> void build_header(H h, const World &world, const struct pl_batch *batch, const Names &names) {
    h.setVersion(PL_BATCH_VERSION);
    h.setPartition(batch->header->partition);
    h.setFirstSequence(batch->header->first_sequence);
    h.setReceiveTime(batch->header->receive_time);
    h.setGeneration(batch->header->generation);
    h.setRows(batch->rows);
    h.setSource(world.name(batch->source));
    auto list = h.initNames(static_cast<unsigned>(names.ids.size()));
    for (unsigned i = 0; i < list.size(); i++)
        list.set(i, world.name(names.ids[i]));
    if (batch->model) h.setModel(world.name(batch->model));
}

template <typename T>
void build_root(capnp::MessageBuilder &message, const World &world, const struct pl_batch *batch) {
    Names names;
    auto root = message.initRoot<T>();
    build(root, batch, names); // columns first: in memory they stand before the header, unlike in canonical form
    auto header = root.initHeader();
    header.setKind(static_cast<Kind>(batch->kind));
    build_header(header, world, batch, names);
}

void build_any(capnp::MessageBuilder &message, const World &world, const struct pl_batch *batch) {
    switch (batch->kind) {
    case PL_SAMPLES: build_root<Samples>(message, world, batch); break;
    case PL_WINDOWS: build_root<Windows>(message, world, batch); break;
    case PL_PROFILES: build_root<Profiles>(message, world, batch); break;
    case PL_SETPOINTS: build_root<Setpoints>(message, world, batch); break;
    default: build_root<Events>(message, world, batch); break;
    }
}

kj::Array<capnp::word> canonical(capnp::MessageBuilder &message) {
    auto words = message.getRoot<capnp::AnyStruct>().asReader().canonicalize();
    kj::ArrayPtr<const capnp::word> segments[] = {words.asPtr()};
    return capnp::messageToFlatArray(kj::arrayPtr(segments, 1));
}

// ---- Reading back ----

struct pl_batch *decode(const World &world, const void *bytes, size_t size) {
    struct pl_batch *batch = nullptr;
    struct pl_error *error = nullptr;
    if (pl_codec_decode(world.codec, PL_CAPNP, bytes, size, &batch, &error)) fail_msg("%s", error->text);
    return batch;
}

void assert_same(const struct pl_batch *a, const struct pl_batch *b) {
    const struct pl_kind_info *info = &pl_kind_info[a->kind];
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->model, b->model);
    assert_int_equal(a->header->first_sequence, b->header->first_sequence);
    for (unsigned i = 0; i < info->columns; i++) {
        size_t size = static_cast<size_t>(a->rows) * pl_type_size(info->column[i].type);
        assert_memory_equal(a->column[i], b->column[i], size);
    }
    for (unsigned i = 0; i < info->heaps; i++) {
        assert_int_equal(a->heap_used[i], b->heap_used[i]);
        size_t size = static_cast<size_t>(a->heap_used[i]) * pl_type_size(info->heap[i].type);
        if (size) assert_memory_equal(a->heap[i], b->heap[i], size);
    }
}

void assert_canonical(const World &world, enum pl_kind kind, uint32_t rows, uint64_t seed) {
    struct pl_batch *batch = any_batch(world.tags, kind, rows, seed);
    if (seed % 3 == 0) batch->header->generation = 0;
    capnp::MallocMessageBuilder message;
    build_any(message, world, batch);
    auto expected = canonical(message);

    const void *bytes;
    size_t size;
    assert_int_equal(pl_codec_encode(world.codec, PL_CAPNP, batch, &bytes, &size, nullptr), PL_OK);
    assert_int_equal(size, expected.asBytes().size());
    assert_memory_equal(bytes, expected.begin(), size);

    struct pl_batch *back = decode(world, expected.begin(), size);
    assert_same(batch, back);
    pl_batch_unref(back);
    pl_batch_unref(batch);
}

void what_we_write_is_canonical(void **) {
    World world;
    for (unsigned kind = 0; kind < PL_KINDS; kind++) {
        for (uint32_t rows = 0; rows < 300; rows++)
            assert_canonical(world, static_cast<pl_kind>(kind), rows, rows);
        for (uint32_t rows : {1024u, 4095u, 8192u})
            assert_canonical(world, static_cast<pl_kind>(kind), rows, rows);
    }
}

void what_we_write_reads_with_the_generated_code(void **) {
    World world;
    struct pl_batch *batch = any_batch(world.tags, PL_EVENTS, 100, 1);
    const void *bytes;
    size_t size;
    assert_int_equal(pl_codec_encode(world.codec, PL_CAPNP, batch, &bytes, &size, nullptr), PL_OK);
    capnp::FlatArrayMessageReader message(kj::arrayPtr(static_cast<const capnp::word *>(bytes), size / 8));
    auto events = message.getRoot<Events>();
    auto header = message.getRoot<Batch>().getHeader();
    assert_true(header.getKind() == Kind::EVENTS);
    assert_int_equal(header.getRows(), 100);
    assert_string_equal(header.getSource().cStr(), world.name(batch->source));
    for (unsigned i = 0; i < 100; i++) {
        assert_true(events.getId()[i] == batch->events.id[i]);
        assert_string_equal(header.getNames()[events.getTag()[i]].cStr(), world.name(batch->events.tag[i]));
    }
    pl_batch_unref(batch);
}

void any_order_and_number_of_segments_is_read(void **) {
    World world;
    for (unsigned kind = 0; kind < PL_KINDS; kind++) {
        for (uint32_t rows : {0u, 1u, 2u, 17u, 300u, 2000u}) {
            struct pl_batch *batch = any_batch(world.tags, static_cast<pl_kind>(kind), rows, rows + 1);
            for (unsigned first : {8u, 64u, 4096u, 1000000u}) {
                auto strategy =
                    first < 100 ? capnp::AllocationStrategy::FIXED_SIZE : capnp::AllocationStrategy::GROW_HEURISTICALLY;
                capnp::MallocMessageBuilder message(first, strategy);
                build_any(message, world, batch);
                auto words = capnp::messageToFlatArray(message);
                struct pl_batch *back = decode(world, words.begin(), words.asBytes().size());
                assert_same(batch, back);
                pl_batch_unref(back);
            }
            pl_batch_unref(batch);
        }
    }
}

void build_evolved(capnp::MessageBuilder &message, const World &world, const struct pl_batch *batch) {
    Names names;
    auto root = message.initRoot<NewSamples>();
    unsigned n = batch->rows;
    fill(root.initTime(n), batch->samples.time);
    fill_names(root.initTag(n), batch->samples.tag, names);
    auto values = root.initValue(n);
    for (unsigned i = 0; i < n; i++)
        values[i].setValue(batch->samples.value[i]);
    for (unsigned i = 0; i < n; i++)
        values[i].setDeviation(0.5);
    fill(root.initQuality(n), batch->samples.quality);
    root.initOrigin(n);
    auto header = root.initHeader();
    header.setShift(7);
    header.setSite("north");
    build_header(header, world, batch, names);
    header.setVersion(2);
}

void a_newer_schema_is_read(void **) {
    World world;
    for (uint32_t rows : {0u, 1u, 500u}) {
        struct pl_batch *batch = any_batch(world.tags, PL_SAMPLES, rows, 9);
        capnp::MallocMessageBuilder message;
        build_evolved(message, world, batch);
        auto words = capnp::messageToFlatArray(message);
        struct pl_batch *back = decode(world, words.begin(), words.asBytes().size());
        assert_same(batch, back);
        pl_batch_unref(back);
        pl_batch_unref(batch);
    }
}

// ---- Refusals ----

void assert_refused(const World &world, capnp::MessageBuilder &message, enum pl_code expected, const char *text) {
    auto words = capnp::messageToFlatArray(message);
    struct pl_batch *batch = nullptr;
    struct pl_error *error = nullptr;
    enum pl_code code = pl_codec_decode(world.codec, PL_CAPNP, words.begin(), words.asBytes().size(), &batch, &error);
    if (code != expected || batch || !error || !strstr(error->text, text)) {
        fail_msg("'%s' and %d expected, found '%s' and %d", text, expected, error ? error->text : "-", code);
    }
    pl_error_free(&error);
}

Samples::Builder small_samples(capnp::MessageBuilder &message, const World &world) {
    struct pl_batch *batch = any_batch(world.tags, PL_SAMPLES, 10, 4);
    build_any(message, world, batch);
    pl_batch_unref(batch);
    return message.getRoot<Samples>();
}

void what_does_not_fit_together_is_refused(void **) {
    World world;
    {
        capnp::MallocMessageBuilder message;
        small_samples(message, world).initValue(9);
        assert_refused(world, message, PL_CORRUPT, "10 elements of value expected, found 9");
    }
    {
        capnp::MallocMessageBuilder message;
        small_samples(message, world).disownQuality();
        assert_refused(world, message, PL_CORRUPT, "10 elements of quality expected, found 0");
    }
    {
        capnp::MallocMessageBuilder message;
        small_samples(message, world).getTag().set(3, 1000);
        assert_refused(world, message, PL_CORRUPT, "row 3 of tag");
    }
    {
        capnp::MallocMessageBuilder message;
        small_samples(message, world).getHeader().setVersion(0);
        assert_refused(world, message, PL_CORRUPT, "a version");
    }
    {
        capnp::MallocMessageBuilder message;
        small_samples(message, world).getHeader().setKind(static_cast<Kind>(5));
        assert_refused(world, message, PL_CORRUPT, "a kind");
    }
    {
        capnp::MallocMessageBuilder message;
        small_samples(message, world).getHeader().setRows(8193);
        assert_refused(world, message, PL_LIMIT, "8192 rows");
    }
    {
        capnp::MallocMessageBuilder message;
        small_samples(message, world).getHeader().getNames().set(1, "a\nb");
        assert_refused(world, message, PL_CORRUPT, "name 1");
    }
    {
        capnp::MallocMessageBuilder message;
        small_samples(message, world).getHeader().setSource(std::string(256, 'x').c_str());
        assert_refused(world, message, PL_CORRUPT, "name of the source");
    }
    {
        capnp::MallocMessageBuilder message;
        small_samples(message, world).disownHeader();
        assert_refused(world, message, PL_CORRUPT, "a version");
    }
    {
        capnp::MallocMessageBuilder message;
        message.initRoot<capnp::AnyPointer>();
        assert_refused(world, message, PL_CORRUPT, "without header");
    }
}

// A list whose elements have another width would be read with the wrong stride.
void other_element_sizes_are_refused(void **) {
    World world;
    {
        capnp::MallocMessageBuilder message;
        auto root = small_samples(message, world);
        auto pointers = capnp::toAny(root).getPointerSection();
        pointers[4].initAs<capnp::List<uint64_t>>(10); // quality
        assert_refused(world, message, PL_CORRUPT, "2-byte elements expected for quality");
    }
    {
        capnp::MallocMessageBuilder message;
        auto root = small_samples(message, world);
        auto pointers = capnp::toAny(root).getPointerSection();
        pointers[3].initAs<capnp::List<capnp::Void>>(10); // value
        assert_refused(world, message, PL_CORRUPT, "8-byte elements expected for value");
    }
    {
        capnp::MallocMessageBuilder message;
        auto root = small_samples(message, world);
        auto pointers = capnp::toAny(root).getPointerSection();
        pointers[3].setAs<capnp::Text>("10 letters");
        assert_refused(world, message, PL_CORRUPT, "8-byte elements expected for value");
    }
}

// Few words may claim many elements, or be pointed to again and again.
void amplification_is_refused(void **) {
    World world;
    {
        capnp::MallocMessageBuilder message;
        auto root = small_samples(message, world);
        root.getHeader().setRows(8192);
        auto pointers = capnp::toAny(root).getPointerSection();
        for (unsigned i = 1; i < 5; i++)
            pointers[i].initAs<capnp::List<capnp::Void>>(8192);
        assert_refused(world, message, PL_CORRUPT, "traversal limit");
    }
    {
        capnp::MallocMessageBuilder message;
        auto root = small_samples(message, world);
        auto pointers = capnp::toAny(root.getHeader()).getPointerSection();
        pointers[1].initAs<capnp::List<capnp::Void>>((1u << 29) - 1); // names
        assert_refused(world, message, PL_CORRUPT, "Cap'n Proto message expected");
    }
}

// ---- Mutations of messages with several segments ----

void no_mutation_of_a_foreign_message_does_harm(void **) {
    World world;
    unsigned good = 0, all = 0;
    for (unsigned kind = 0; kind < PL_KINDS; kind++) {
        struct pl_batch *batch = any_batch(world.tags, static_cast<pl_kind>(kind), 4, 6);
        capnp::MallocMessageBuilder message(16, capnp::AllocationStrategy::FIXED_SIZE);
        if (kind == PL_SAMPLES) {
            build_evolved(message, world, batch);
        } else {
            build_any(message, world, batch);
        }
        pl_batch_unref(batch);
        auto words = capnp::messageToFlatArray(message);
        auto bytes = words.asBytes();
        uint64_t seed = kind;
        for (unsigned i = 0; i < 4000; i++, all++) {
            size_t size = any_next(&seed) % 8 ? bytes.size() : any_next(&seed) % (bytes.size() + 1) / 8 * 8;
            kj::byte *exact = static_cast<kj::byte *>(malloc(size ? size : 1));
            memcpy(exact, bytes.begin(), size);
            for (uint64_t changes = any_next(&seed) % 4; size && changes; changes--) {
                uint64_t r = any_next(&seed);
                size_t at = r % size / (r >> 63 ? 1 : 8) * (r >> 63 ? 1 : 8); // often the low byte of a pointer
                exact[at] = static_cast<kj::byte>(r >> 62 & 1 ? exact[at] + 4 : r >> 32);
            }
            struct pl_batch *back = nullptr;
            struct pl_error *error = nullptr;
            enum pl_code code = pl_codec_decode(world.codec, PL_CAPNP, exact, size, &back, &error);
            assert_true((code == PL_OK) == (back != nullptr) && (code == PL_OK) == (error == nullptr));
            good += code == PL_OK;
            pl_batch_unref(back);
            pl_error_free(&error);
            free(exact);
        }
    }
    print_message("%u of %u mutated messages are still batches\n", good, all);
    assert_in_range(good, 100, all - 100);
}

} // namespace

int main() {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_write_is_canonical),
        cmocka_unit_test(what_we_write_reads_with_the_generated_code),
        cmocka_unit_test(any_order_and_number_of_segments_is_read),
        cmocka_unit_test(a_newer_schema_is_read),
        cmocka_unit_test(what_does_not_fit_together_is_refused),
        cmocka_unit_test(other_element_sizes_are_refused),
        cmocka_unit_test(amplification_is_refused),
        cmocka_unit_test(no_mutation_of_a_foreign_message_does_harm),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
