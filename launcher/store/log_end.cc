#include "launcher/store/log_end.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace everstep {
namespace {

constexpr std::string_view kMagic = "EVERSTEP";

Hash Canonical(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  static_assert(sizeof canonical.digest == sizeof(Hash));
  Hash out;
  std::memcpy(out.data(), canonical.digest, out.size());
  return out;
}

void AppendInteger(std::string& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((value >> shift) & 0xffu);
}

// Takes eight bytes off the front.
std::uint64_t TakeInteger(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  bytes.remove_prefix(8);
  return value;
}

Hash ToHash(std::string_view bytes) {
  Hash hash;
  std::copy_n(bytes.begin(), hash.size(), hash.begin());
  return hash;
}

}  // namespace

Hash HashBytes(std::string_view bytes) { return Canonical(XXH3_128bits(bytes.data(), bytes.size())); }

Hash Chain(const Hash& previous, LogIndex index, std::string_view entry) {
  std::string link(View(previous));
  AppendInteger(link, index.value);
  link += View(HashBytes(entry));
  return HashBytes(link);
}

std::string Encode(const LogEnd& end) {
  std::string out(kMagic);
  AppendInteger(out, kStoreFormat);
  AppendInteger(out, end.commit);
  AppendInteger(out, end.epoch.value);
  AppendInteger(out, end.index.value);
  out += View(end.hash);
  AppendInteger(out, static_cast<std::uint64_t>(end.last_write.ns));
  out += View(HashBytes(out));
  return out;
}

Result<LogEnd> DecodeLogEnd(std::string_view bytes) {
  if (bytes.size() < kMagic.size() + 8 || !bytes.starts_with(kMagic)) return Fail(ErrorCode::kCorrupt, "no log end record");
  std::string_view rest = bytes.substr(kMagic.size());
  const std::uint64_t format = TakeInteger(rest);
  const bool whole = bytes.size() == kLogEndBytes &&
                     View(HashBytes(bytes.substr(0, kLogEndBytes - sizeof(Hash)))) == bytes.substr(kLogEndBytes - sizeof(Hash));
  if (!whole) return Fail(ErrorCode::kCorrupt, "a log end record fails its check");
  if (format != kStoreFormat)
    return Fail(ErrorCode::kInvalid,
                Cat("the store has format ", format, ", made by a newer version; this one knows format ", kStoreFormat));
  LogEnd end;
  end.commit = TakeInteger(rest);
  end.epoch = Epoch(TakeInteger(rest));
  end.index = LogIndex(TakeInteger(rest));
  end.hash = ToHash(rest);
  rest.remove_prefix(sizeof(Hash));
  end.last_write = WallTime{static_cast<std::int64_t>(TakeInteger(rest))};
  return end;
}

}  // namespace everstep
