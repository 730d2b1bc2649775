# Batches as they leave a process: on the wire (sink.zmq, encoding capnp) and in the log.
#
# A message is one segment in canonical form, with the usual table in front of it. Its root is one of the structs Samples,
# Windows, Profiles, Setpoints and Events; header.kind says which (read the root as `Batch` to see it, or go by the
# topic). All of them are made the same way: the header, then one list a column, all of `header.rows` elements, then the
# heaps that rows of varying length share. On the command line:
#
#     capnp decode schemas/batch.capnp Samples < message
#
# Rules for change: numbers are never reused and types never changed; a new column or header field goes to the end; one
# that readers must know raises `version`. A reader takes what it knows and leaves the rest.

@0xeaf79d7f11a66fba;

enum Kind {
  samples @0;
  windows @1;
  profiles @2;
  setpoints @3;
  events @4;
}

struct Header {
  # What holds for every row.

  version @0 :UInt16;
  # Of this file; 1.

  kind @1 :Kind;

  partition @2 :UInt16;
  # Of the log or, from a sink, of the stream whose rows `firstSequence` counts.

  flags @3 :UInt16;
  # None yet: 0.

  firstSequence @4 :UInt64;
  # The number of the first row in its partition. In the log, row i has firstSequence + i for good. From sink.zmq it is
  # the number of rows sent before with the same topic and partition, so the next batch begins at firstSequence + rows: a
  # lower number is a repeat, a higher one a gap.

  receiveTime @5 :Int64;
  # When the engine took in the newest of these rows: nanoseconds since 1970-01-01T00:00:00Z.

  generation @6 :UInt32;
  # Rises when a process is started anew; a lower one comes from a process that has been replaced.

  rows @7 :UInt32;
  # 1 to 8192.

  source @8 :Text;
  # Name of the node that took the rows in.

  names @9 :List(Text);
  # Every name that the rows use, once: tags, assets, kinds of events. Columns of names hold indexes into this list.

  model @10 :Text;
  # Which models made these rows or what they were made of, with their versions: "CellModel 1.0 5f0c21ae", several with
  # "; " between them. Empty: none is known. Whoever sends set points that a model has found says here which it was.
}

struct Batch {
  # The beginning that all batches share.

  header @0 :Header;
}

struct Samples {
  # Measured (or computed) values.

  header @0 :Header;

  time @1 :List(Int64);
  # When it was measured: nanoseconds since 1970-01-01T00:00:00Z.

  tag @2 :List(UInt32);
  # Index into header.names.

  value @3 :List(Float64);
  # In the tag's unit. NaN when missing (the quality says so too). A state is its code.

  quality @4 :List(UInt16);
  # Bits 14 and 15: 0 good, 1 uncertain, 2 bad. Below them, why: 0 missing, 1 out of range, 2 spike, 3 rate, 4 frozen,
  # 5 stale, 6 late, 7 replaced, 8 backfilled, 9 simulated, 10 manual, 11 provisional.
}

struct Windows {
  # Aggregates over [start, end). What was not asked for is NaN.

  header @0 :Header;

  tag @1 :List(UInt32);
  # Index into header.names: a tag, or the asset or line the window is over.

  start @2 :List(Int64);
  end @3 :List(Int64);

  count @4 :List(UInt32);
  # Rows that counted.

  skipped @5 :List(UInt32);
  # Rows left out for bad quality.

  mean @6 :List(Float64);
  min @7 :List(Float64);
  max @8 :List(Float64);

  stddev @9 :List(Float64);
  # Of a sample (n - 1); NaN for fewer than two rows.

  first @10 :List(Float64);
  last @11 :List(Float64);

  quality @12 :List(UInt16);
  # As in Samples: what was seen in the rows that counted.
}

struct Profiles {
  # Fields over positions: a solution of the cell model at one time. Row i owns the elements end[i-1] (0 for the first
  # row) to end[i] of both heaps.

  header @0 :Header;

  asset @1 :List(UInt32);
  quantity @2 :List(UInt32);
  # Indexes into header.names.

  time @3 :List(Int64);
  quality @4 :List(UInt16);
  end @5 :List(UInt32);

  positions @6 :List(Float64);
  # In metres.

  values @7 :List(Float64);
  # In the quantity's unit.
}

struct Setpoints {
  # Values to be written to the field.

  header @0 :Header;

  time @1 :List(Int64);

  id @2 :List(UInt64);
  # The same for the same set point, however often it is sent.

  tag @3 :List(UInt32);
  # Index into header.names.

  value @4 :List(Float64);

  lower @5 :List(Float64);
  upper @6 :List(Float64);
  # The range that holds for this set point.

  expiry @7 :List(Int64);
  # Not to be written from then on.

  token @8 :List(UInt64);
  # A set point with a lower token than one seen before comes from a controller that has been replaced.

  origin @9 :List(UInt32);
  # Index into header.names: who set it.

  end @10 :List(UInt32);
  # Row i owns the bytes end[i-1] (0 for the first row) to end[i] of `reason`.

  reason @11 :Data;
  # UTF-8.
}

struct Events {
  # Things that happened.

  header @0 :Header;

  time @1 :List(Int64);

  id @2 :List(UInt64);
  # The same for the same event, however often it is sent.

  kind @3 :List(UInt32);
  # Index into header.names: "threshold.high", "source.stale".

  severity @4 :List(UInt16);
  # 1 to 333 low, 334 to 666 medium, 667 to 1000 high.

  asset @5 :List(UInt32);
  tag @6 :List(UInt32);
  # Indexes into header.names; the empty name where there is none.

  end @7 :List(UInt32);
  # Row i owns the bytes end[i-1] (0 for the first row) to end[i] of `body`.

  body @8 :Data;
  # One msgpack map a row, or nothing.
}
