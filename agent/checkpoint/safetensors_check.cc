#include "agent/checkpoint/safetensors_check.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"

namespace everstep {

namespace {

using nlohmann::json;

constexpr std::uint64_t kHeaderBytesMax = 100'000'000;  // the format's own limit

struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  friend auto operator<=>(const Extent&, const Extent&) = default;
};

std::optional<std::uint64_t> BytesOf(std::string_view type) {
  if (type == "F64" || type == "I64" || type == "U64" || type == "C64") return 8;
  if (type == "F32" || type == "I32" || type == "U32") return 4;
  if (type == "F16" || type == "BF16" || type == "I16" || type == "U16") return 2;
  if (type == "BOOL" || type == "I8" || type == "U8" || type == "F8_E4M3" || type == "F8_E5M2") return 1;
  return std::nullopt;  // newer than this table: the size is not checked
}

// Collects the extents while the header is parsed: a document tree of a header of 100 MB would take gigabytes.
class HeaderReader : public json::json_sax_t {
 public:
  const std::string& wrong() const { return wrong_; }
  std::vector<Extent>& extents() { return extents_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return Wrong("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return Wrong("a number that is no count"); }
  bool binary(binary_t&) override { return Wrong("binary data"); }
  bool number_unsigned(number_unsigned_t number) override {
    if (depth_ == 3 && field_ == "data_offsets") offsets_.push_back(number);
    if (depth_ == 3 && field_ == "shape" && __builtin_mul_overflow(elements_, number, &elements_))
      return Wrong("a shape beyond 2^64 elements");
    return true;
  }
  bool string(string_t& text) override {
    if (depth_ == 2 && field_ == "dtype") type_ = text;
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1) tensor_ = name;
    if (depth_ == 2) field_ = name;
    return true;
  }
  bool start_object(std::size_t) override {
    if (++depth_ == 2) BeginTensor();
    return depth_ <= 8 || Wrong("nesting deeper than 8");
  }
  bool end_object() override { return depth_-- != 2 || tensor_ == "__metadata__" || EndTensor(); }
  bool start_array(std::size_t) override {
    ++depth_;
    return depth_ <= 8 || Wrong("nesting deeper than 8");
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const json::exception&) override {
    return Wrong(Cat("no JSON at byte ", at));
  }

 private:
  bool Wrong(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
    return false;
  }
  void BeginTensor() {
    offsets_.clear();
    type_.clear();
    field_.clear();
    elements_ = 1;
  }
  bool EndTensor() {
    if (offsets_.size() != 2 || offsets_[0] > offsets_[1]) return Wrong(Cat("no data_offsets for ", Named()));
    const std::uint64_t found = offsets_[1] - offsets_[0];
    const std::optional<std::uint64_t> each = BytesOf(type_);
    std::uint64_t wanted = 0;
    if (each && (__builtin_mul_overflow(elements_, *each, &wanted) || wanted != found))
      return Wrong(Cat(Named(), " with ", found, " bytes where its shape needs ", wanted));
    extents_.push_back({offsets_[0], offsets_[1]});
    return true;
  }
  std::string Named() const { return Cat("tensor ", Clip(Printable(tensor_), 200)); }

  std::vector<Extent> extents_;
  std::string wrong_;
  int depth_ = 0;
  std::string tensor_;
  std::string field_;
  std::string type_;
  std::vector<std::uint64_t> offsets_;
  std::uint64_t elements_ = 1;
};

tl::unexpected<Error> Torn(std::string why) { return Fail(ErrorCode::kCorrupt, std::move(why)); }

}  // namespace

Result<std::string> CheckSafetensors(const InputFile& file) {
  if (file.size() < 8) return Torn(Cat("safetensors of ", file.size(), " bytes: shorter than its header's size"));
  EVERSTEP_ASSIGN(const std::string prefix, file.ReadAt(0, 8));
  std::uint64_t header_size = 0;
  for (std::size_t i = 8; i-- > 0;) header_size = header_size << 8 | static_cast<unsigned char>(prefix[i]);
  if (header_size > kHeaderBytesMax)
    return Torn(Cat("safetensors with a header of ", header_size, " bytes, legal: at most ", kHeaderBytesMax));
  if (header_size > file.size() - 8) return Torn(Cat("safetensors that ends at byte ", file.size(), ", within its header"));
  EVERSTEP_ASSIGN(const std::string header, file.ReadAt(8, static_cast<std::size_t>(header_size)));
  HeaderReader reader;
  if (header.empty() || header.front() != '{' || !json::sax_parse(header, &reader))
    return Torn(Cat("safetensors whose header has ", reader.wrong().empty() ? "no JSON object" : reader.wrong()));

  std::vector<Extent>& extents = reader.extents();
  std::sort(extents.begin(), extents.end());
  std::uint64_t end = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != end) return Torn(Cat("safetensors with a gap or overlap at byte ", end, " of its data"));
    end = extent.end;
  }
  const std::uint64_t data_size = file.size() - 8 - header_size;
  if (data_size != end) return Torn(Cat("safetensors with ", data_size, " bytes of data, its header promises ", end));
  return Cat("safetensors with ", Count(extents.size(), "tensor"), ", offsets match the size");
}

}  // namespace everstep
