#include "agent/checkpoint/pickle_scan.h"

#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace everstep {

namespace {

// What stands behind an opcode.
enum class Operand { unknown, none, bytes1, bytes2, bytes4, bytes8, counted1, counted4, counted8, line, lines2 };

// Every opcode, by what stands behind it.
constexpr std::pair<Operand, std::string_view> kOpcodes[] = {
    {Operand::none, "(.012NRb]})adlosteuQ\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"},
    {Operand::bytes1, "Khq\x80\x82"},
    {Operand::bytes2, "M\x83"},
    {Operand::bytes4, "Jjr\x84"},
    {Operand::bytes8, "G\x95"},
    {Operand::counted1, "UC\x8a\x8c"},
    {Operand::counted4, "TBX\x8b"},
    {Operand::counted8, "\x8d\x8e\x96"},
    {Operand::line, "ILFSVPgp"},
    {Operand::lines2, "ci"},
};

Operand OperandOf(char op) {
  for (const auto& [operand, opcodes] : kOpcodes)
    if (opcodes.find(op) != std::string_view::npos) return operand;
  return Operand::unknown;
}

std::uint64_t Little(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

tl::unexpected<Error> Torn(std::size_t at) {
  return Fail(ErrorCode::kCorrupt, Cat("no whole pickle: it breaks off at byte ", at));
}

class Scanner {
 public:
  Scanner(std::string_view pickle, const std::function<void(const PickleValue&)>& take) : pickle_(pickle), take_(take) {}

  Status Run() {
    while (at_ < pickle_.size()) {
      const char op = pickle_[at_++];
      if (op == '.') return at_ == pickle_.size() ? Status() : Torn(at_);
      const std::optional<std::string_view> operand = TakeOperand(OperandOf(op));
      if (!operand) return Torn(at_);
      Act(static_cast<unsigned char>(op), *operand);
    }
    return Torn(at_);
  }

 private:
  std::optional<std::string_view> TakeBytes(std::uint64_t bytes) {
    if (bytes > pickle_.size() - at_) return std::nullopt;
    const std::string_view taken = pickle_.substr(at_, static_cast<std::size_t>(bytes));
    at_ += taken.size();
    return taken;
  }
  std::optional<std::string_view> TakeCounted(std::size_t width) {
    const auto count = TakeBytes(width);
    return count ? TakeBytes(Little(*count)) : std::nullopt;
  }
  std::optional<std::string_view> TakeLine() {
    const std::size_t end = pickle_.find('\n', at_);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = pickle_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }
  std::optional<std::string_view> TakeOperand(Operand operand) {
    switch (operand) {
      case Operand::unknown: return std::nullopt;
      case Operand::none: return std::string_view();
      case Operand::bytes1: return TakeBytes(1);
      case Operand::bytes2: return TakeBytes(2);
      case Operand::bytes4: return TakeBytes(4);
      case Operand::bytes8: return TakeBytes(8);
      case Operand::counted1: return TakeCounted(1);
      case Operand::counted4: return TakeCounted(4);
      case Operand::counted8: return TakeCounted(8);
      case Operand::line: return TakeLine();
      case Operand::lines2: return TakeLine() ? TakeLine() : std::nullopt;
    }
    return std::nullopt;
  }

  void Push(PickleValue value) {
    last_ = value;
    take_(last_);
  }
  void PushMemo(std::uint64_t index) {
    const auto known = memo_.find(index);
    Push(known == memo_.end() ? PickleValue{} : known->second);
  }
  void Act(unsigned char op, std::string_view operand) {
    switch (op) {
      case 'X':
      case 0x8c:
      case 0x8d:
      case 'U':
      case 'T': return Push({.text = operand});
      case 'V': return Push({.text = operand});
      case 'K':
      case 'M': return Push({.number = Little(operand)});
      case 'J': return Push(Little(operand) < (1ull << 31) ? PickleValue{.number = Little(operand)} : PickleValue{});
      case 0x8a:
      case 0x8b: {
        const bool fits = operand.size() <= 8 && (operand.empty() || static_cast<unsigned char>(operand.back()) < 0x80);
        return Push(fits ? PickleValue{.number = Little(operand)} : PickleValue{});
      }
      case 'I':
      case 'L':
        return Push({.number = ParseUnsigned(operand.ends_with('L') ? operand.substr(0, operand.size() - 1) : operand)});
      case 'q':
      case 'r': memo_[Little(operand)] = last_; return;
      case 'p': memo_[ParseUnsigned(operand).value_or(0)] = last_; return;
      case 0x94: memo_[memo_.size()] = last_; return;
      case 'h':
      case 'j': return PushMemo(Little(operand));
      case 'g': return PushMemo(ParseUnsigned(operand).value_or(0));
      case 0x80:
      case 0x95:
      case '(':
      case '0':
      case '1': return;  // push nothing
      default: return Push({});
    }
  }

  std::string_view pickle_;
  const std::function<void(const PickleValue&)>& take_;
  std::size_t at_ = 0;
  PickleValue last_{};  // what a PUT would memorise: exact for text and numbers, else nothing of interest
  std::unordered_map<std::uint64_t, PickleValue> memo_{};
};

}  // namespace

Status ScanPickle(std::string_view pickle, const std::function<void(const PickleValue&)>& take) {
  return Scanner(pickle, take).Run();
}

}  // namespace everstep
