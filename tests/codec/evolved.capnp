# Samples as a later version of schemas/batch.capnp may have them: more header, another column, a column turned from
# numbers into structs.

@0x9d7a2c5d6e1b4f83;

struct NewHeader {
  version @0 :UInt16;
  kind @1 :UInt16;
  partition @2 :UInt16;
  flags @3 :UInt16;
  firstSequence @4 :UInt64;
  receiveTime @5 :Int64;
  generation @6 :UInt32;
  rows @7 :UInt32;
  source @8 :Text;
  names @9 :List(Text);
  model @10 :Text;
  site @11 :Text;
  shift @12 :UInt64;
}

struct Measured {
  value @0 :Float64;
  deviation @1 :Float64;
}

struct NewSamples {
  header @0 :NewHeader;
  time @1 :List(Int64);
  tag @2 :List(UInt32);
  value @3 :List(Measured);
  quality @4 :List(UInt16);
  origin @5 :List(UInt32);
}
