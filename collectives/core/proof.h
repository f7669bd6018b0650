// Whether the bytes of a test went over the device that was meant: its own counters before and after say so, or nothing does. A
// driver may call every port active and every link up (EFA's does), and a provider may take another way in silence; what was
// not seen on exactly that device is NOT PROVEN, never a pass.
//
// Pure. Cost: O(devices squared), a host has a few.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace everstep {

struct DeviceBytes {
  std::string device{};
  std::optional<std::uint64_t> sent{};  // nullopt: not to be read
  std::optional<std::uint64_t> received{};
};

// What a test gave to its provider and got from it: payload, so a device has seen at least as much.
struct MovedBytes {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

struct DeviceProof {
  bool proven = false;
  std::string why{};  // a sentence either way
};

// Counters only grow: one that fell was reset by somebody, and proves nothing.
DeviceProof ProveDevice(const std::string& device, const std::vector<DeviceBytes>& before,
                        const std::vector<DeviceBytes>& after, const MovedBytes& moved);

}  // namespace everstep
