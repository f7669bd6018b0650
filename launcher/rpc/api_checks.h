// What a request must look like before the loop sees it.
#pragma once

#include "base/result.h"
#include "launcher/core/api.h"
#include "launcher/rpc/logs.h"

namespace everstep {

// kInvalid, naming the field, what was found and what is legal.
Status Validate(const ApiRequest& request);
Status Validate(const LogsRequest& request);

}  // namespace everstep
