/* potline.h: everything a plugin needs. */
#ifndef POTLINE_H
#define POTLINE_H

#include "abi.h"
#include "alloc.h"
#include "batch.h"
#include "codec.h"
#include "command.h"
#include "counter.h"
#include "diag.h"
#include "error.h"
#include "expr.h"
#include "json.h"
#include "kept.h"
#include "kind.h"
#include "late.h"
#include "letter.h"
#include "model.h"
#include "note.h"
#include "operator.h"
#include "option.h"
#include "pack.h"
#include "plugin.h"
#include "program.h"
#include "quality.h"
#include "row.h"
#include "table.h"
#include "tag.h"
#include "text.h"
#include "time.h"
#include "zone.h"

#endif
