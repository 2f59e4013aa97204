#include <luban/core/error.hpp>

#include <utility>

namespace luban::core {
namespace {

std::string message(const ErrorDetail& detail) {
  std::string text = "[" + detail.where + "] expected " + detail.expected + ", received " + detail.received;
  if (!detail.place.empty()) {
    text += " (" + detail.place + ")";
  }
  text += ".";
  if (!detail.hint.empty()) {
    text += " Hint: " + detail.hint;
    if (text.back() != '.' && text.back() != '?' && text.back() != '!') {
      text += ".";
    }
  }
  return text;
}

}  // namespace

Error::Error(ErrorDetail detail) : std::runtime_error(message(detail)), detail_(std::move(detail)) {}

// Out-of-line destructors anchor each type's identity in this library, so that a catch works across libraries.
Error::~Error() = default;
ConfigurationError::~ConfigurationError() = default;
DataError::~DataError() = default;
UnitError::~UnitError() = default;
IntegrityError::~IntegrityError() = default;
VersionError::~VersionError() = default;
InfeasibleError::~InfeasibleError() = default;
NumericalError::~NumericalError() = default;
LifecycleError::~LifecycleError() = default;
IoError::~IoError() = default;
NotBuiltError::~NotBuiltError() = default;
ParallelError::~ParallelError() = default;
StoppedError::~StoppedError() = default;

}  // namespace luban::core
