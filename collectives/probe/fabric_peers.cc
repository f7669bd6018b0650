#include "collectives/probe/fabric_peers.h"

#include "base/text.h"

namespace everstep {
namespace {

constexpr char kBetween = '\x1f';
constexpr std::string_view kDigits = "0123456789abcdef";

std::string InHex(const std::string& bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>((kDigits.find(hex[i]) & 15) << 4 | (kDigits.find(hex[i + 1]) & 15));
  return bytes;
}

std::string Listed(const FabricPeer& peer) { return Cat(peer.nics.size(), " (", Join(peer.nics), ")"); }

}  // namespace

std::string Introduction(const FabricPeer& peer) {
  std::vector<std::string> addresses;
  for (const std::string& address : peer.addresses) addresses.push_back(InHex(address));
  return Join({peer.version, peer.provider, Join(peer.nics, ","), Join(addresses, ",")}, std::string(1, kBetween));
}

Result<std::vector<FabricPeer>> ReadIntroductions(const std::vector<std::string>& all, const Company& company) {
  std::vector<FabricPeer> peers;
  for (std::uint32_t rank = 0; rank < all.size(); ++rank) {
    const std::vector<std::string> parts = Split(all[rank], kBetween);
    if (parts.size() != 4)
      return Fail(ErrorCode::kConflict, Cat(company.Who(rank), " speaks another version"), "install one version everywhere");
    FabricPeer peer{.version = parts[0], .provider = parts[1], .nics = Split(parts[2], ','), .addresses = {}};
    for (const std::string& address : Split(parts[3], ',')) peer.addresses.push_back(FromHex(address));
    peers.push_back(std::move(peer));
    const FabricPeer &first = peers.front(), &one = peers.back();
    if (one.version != first.version)
      return Fail(ErrorCode::kConflict,
                  Cat(company.Who(rank), " has version ", one.version, ", ", company.Who(0), " ", first.version),
                  "install one version everywhere");
    if (one.provider != first.provider)
      return Fail(ErrorCode::kConflict,
                  Cat(company.Who(rank), " has provider ", one.provider, ", ", company.Who(0), " ", first.provider),
                  "name one with --provider that all have");
    if (one.nics.size() != first.nics.size() || one.addresses.size() != first.addresses.size())
      return Fail(
          ErrorCode::kConflict,
          Cat("not all have as many NICs: ", company.Who(rank), " ", Listed(one), ", ", company.Who(0), " ", Listed(first)),
          "name as many for each with --interface, or limit them with --rails");
  }
  return peers;
}

}  // namespace everstep
