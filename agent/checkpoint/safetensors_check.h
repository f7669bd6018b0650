// Is a safetensors file whole? Its header says which bytes each tensor has; they must fill the file exactly, without gap or
// overlap, and each tensor's bytes must fit its type and shape. There is no checksum in the format: the contents are not
// verified. (Format: eight bytes of header size, little endian; JSON; data.)
//
// Cost: reads the header only, at most 100 MB, and keeps 16 bytes a tensor.
#pragma once

#include <string>

#include "agent/checkpoint/input_file.h"

namespace everstep {

// The evidence ("safetensors with 12 tensors, offsets match the size"), or an error: kCorrupt says what is torn, anything else
// that reading failed.
Result<std::string> CheckSafetensors(const InputFile& file);

}  // namespace everstep
