/* foreign.h: reads Cap'n Proto messages of schemas/batch.capnp in any valid form, through libcapnp.
 *
 * What others send may have several segments, objects in another order, columns and header fields of a newer schema, or
 * columns that became lists of structs. Everything here is slow (some microseconds) beside the reader of the canonical
 * form in codec_capnp.c, and as strict: libcapnp checks every pointer, with limits on depth and on what is read in all,
 * and its exceptions end inside.
 */
#ifndef POTLINE_FOREIGN_H
#define POTLINE_FOREIGN_H

#include "codec_impl.h"

/* Fills *wire with pointers into `words` and into the codec's scratch memory, valid until either changes. */
enum pl_code pl__foreign_read(struct pl_codec *codec, const uint64_t *words, size_t count, struct pl_wire *wire,
                              struct pl_error **error);

#endif
