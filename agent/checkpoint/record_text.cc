#include "agent/checkpoint/record_text.h"

#include <charconv>
#include <optional>

#include "base/text.h"

namespace everstep {

namespace {

constexpr char kHex[] = "0123456789abcdef";

std::string EncodeWord(std::string_view word) {
  if (word.empty()) return "%";
  std::string out;
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != 0x7f && c != '%') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15u];
    }
  }
  return out;
}

std::optional<std::string> DecodeWord(std::string_view word) {
  if (word == "%") return std::string();
  std::string out;
  for (std::size_t at = 0; at < word.size(); ++at) {
    if (word[at] != '%') {
      out += word[at];
      continue;
    }
    unsigned byte = 0;
    if (at + 2 >= word.size()) return std::nullopt;
    const char* const end = word.data() + at + 3;
    const auto parsed = std::from_chars(word.data() + at + 1, end, byte, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

tl::unexpected<Error> Bad(std::string_view what) { return Fail(ErrorCode::kCorrupt, Cat("damaged record: ", what)); }

}  // namespace

std::string EncodeLine(const Words& words) {
  std::vector<std::string> encoded;
  for (const std::string& word : words) encoded.push_back(EncodeWord(word));
  return Join(encoded, " ") + "\n";
}

Result<std::vector<Words>> DecodeLines(std::string_view text) {
  std::vector<Words> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return Bad("its last line is cut");
    Words words;
    for (const std::string& word : Split(text.substr(0, end), ' ')) {
      std::optional<std::string> decoded = DecodeWord(word);
      if (!decoded) return Bad("a word that is not well-formed");
      words.push_back(*std::move(decoded));
    }
    if (words == Words{"end"}) return lines;
    lines.push_back(std::move(words));
    text.remove_prefix(end + 1);
  }
  return Bad("it has no end");
}

void AppendSurvey(std::string& out, const std::string& key, const Survey& survey) {
  out += EncodeLine({key, survey.directory ? "directory" : "file"});
  for (const std::string& name : survey.directories) out += EncodeLine({"d", name});
  for (const SurveyFile& file : survey.files)
    out += EncodeLine({"f", Cat(file.size), Cat(file.inode), Cat(file.mtime_ns), file.name});
}

Result<Survey> DecodeSurvey(const std::vector<Words>& lines, std::size_t& at, const std::string& key) {
  if (at >= lines.size() || lines[at].size() != 2 || lines[at][0] != key) return Bad(Cat("no ", key));
  Survey survey{.directory = lines[at][1] == "directory"};
  for (++at; at < lines.size(); ++at) {
    const Words& line = lines[at];
    if (line.size() == 2 && line[0] == "d") {
      survey.directories.push_back(line[1]);
    } else if (line.size() == 5 && line[0] == "f") {
      EVERSTEP_ASSIGN(const std::uint64_t size, DecodeNumber(line[1]));
      EVERSTEP_ASSIGN(const std::uint64_t inode, DecodeNumber(line[2]));
      EVERSTEP_ASSIGN(const std::int64_t mtime_ns, DecodeSigned(line[3]));
      survey.files.push_back({.name = line[4], .size = size, .inode = inode, .mtime_ns = mtime_ns});
    } else {
      break;
    }
  }
  return survey;
}

Result<std::uint64_t> DecodeNumber(const std::string& word) {
  const std::optional<std::uint64_t> number = ParseUnsigned(word);
  if (!number) return Bad("a word that is no number");
  return *number;
}

Result<std::int64_t> DecodeSigned(const std::string& word) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return Bad("a word that is no number");
  return number;
}

}  // namespace everstep
