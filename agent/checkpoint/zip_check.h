// Is a zip file, as torch.save writes it, whole? The file is read, never interpreted: no pickle in it is touched.
//
// Checked: the end record stands at the very end, the central directory (zip64 or not) lies before it without a gap and has as
// many records as promised, each record's local header agrees with it, and, with Depth::contents, each record's bytes have the
// CRC-32 that was written with them (APPNOTE.TXT 6.3.9, 4.3 and 4.5.3). torch.save stores records uncompressed; others are
// not verified.
//
// Cost: Depth::contents reads the whole file once; memory is bounded by the central directory, 64 MiB at most.
#pragma once

#include <stop_token>
#include <string>

#include "agent/checkpoint/input_file.h"
#include "agent/checkpoint/recognised.h"

namespace everstep {

inline constexpr std::string_view kZipStart("PK\x03\x04", 4);

// The evidence ("zip with 42 records, CRCs match"), or an error: kCorrupt says what is torn, kInvalid what cannot be
// verified, kUnavailable that `stop` was asked for, anything else that reading failed.
Result<std::string> CheckZip(const InputFile& file, Depth depth, std::stop_token stop);

// The bytes of the first record whose name ends with `name_end`; kNotFound, kExhausted above `bytes_max`, else as CheckZip.
Result<std::string> ReadZipRecord(const InputFile& file, std::string_view name_end, std::size_t bytes_max);

}  // namespace everstep
