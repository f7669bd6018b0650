#include "health/probe/sink.h"

#include "base/text.h"
#include "health/core/rule.h"

namespace everstep::health {

void Sink::NumberOf(const std::string& check, const std::string& scope, const Result<double>& number, const std::string& path) {
  if (number) return Number(check, scope, *number, Cat(path, ": ", ShowNumber(*number, Unit::count)));
  if (number.error().code == ErrorCode::kNotFound) return Absent(check, Cat("there is no ", path));
  Unread(check, scope, number.error().message);
}

void Sink::WordOf(const std::string& check, const std::string& scope, const Result<std::string>& word,
                  const std::string& path) {
  if (word) return Word(check, scope, Clip(Printable(*word), 200), Cat(path, ": ", Clip(Printable(*word), 200)));
  if (word.error().code == ErrorCode::kNotFound) return Absent(check, Cat("there is no ", path));
  Unread(check, scope, word.error().message);
}

}  // namespace everstep::health
