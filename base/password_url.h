// Passwords that stand inside a value, whatever its variable is called: DATABASE_URL=postgres://ann:secret@db/train.
#pragma once

#include <string_view>

namespace everstep {

// True when some part of `value` reads scheme://user:password@ (the user may be left out, the password may not).
bool HoldsPasswordUrl(std::string_view value);

}  // namespace everstep
