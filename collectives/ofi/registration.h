// Memory that a NIC may read and write has to be registered, which pins it: the first thing that fails on a host whose limits
// nobody has raised. Tested by itself, for the sizes that NCCL and checkpoints ask for.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/seam/clock.h"
#include "collectives/backend/backend.h"
#include "collectives/ofi/endpoint.h"

namespace everstep {

// Registers and gives back memory of each size; stops at the first that fails.
// `nic`: as Registered has it.
std::vector<Registered> TestRegistration(Endpoint& endpoint, const std::string& nic, const std::vector<std::size_t>& sizes,
                                         Clock& clock);

// What RLIMIT_MEMLOCK is; nullopt: unlimited. Pure from here on.
std::optional<std::size_t> LockLimit();

// kExhausted. The limit and how to raise it, where it is below `bytes`; else what else there may be.
Error CannotRegister(std::size_t bytes, const std::string& domain, const std::string& why, std::optional<std::size_t> limit);

}  // namespace everstep
