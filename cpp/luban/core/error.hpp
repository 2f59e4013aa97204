#pragma once

#include <stdexcept>
#include <string>

#include <luban/core/export.hpp>

namespace luban::core {

/// What an error message is made of; its text is
/// `[where] expected <expected>, received <received> (<place>). Hint: <hint>`.
struct ErrorDetail {
  std::string where;     ///< module and function, e.g. "history.read"
  std::string expected;  ///< what would have been right
  std::string received;  ///< what came instead
  std::string place;     ///< file, row, tag, rank; may be empty
  std::string hint;      ///< what to do; may be empty
};

/// Root of the error tree. Every type below has a Python class of the same name in `luban.errors`.
class LUBAN_CORE_EXPORT Error : public std::runtime_error {
 public:
  explicit Error(ErrorDetail detail);
  ~Error() override;
  [[nodiscard]] const ErrorDetail& detail() const noexcept { return detail_; }

 private:
  ErrorDetail detail_;
};

/// A definition, an option or an argument is wrong (command line: exit code 2).
class LUBAN_CORE_EXPORT ConfigurationError : public Error {
 public:
  using Error::Error;
  ~ConfigurationError() override;
};

/// The data cannot be used for what was asked (exit code 1).
class LUBAN_CORE_EXPORT DataError : public Error {
 public:
  using Error::Error;
  ~DataError() override;
};

/// Two units of measure do not fit together.
class LUBAN_CORE_EXPORT UnitError : public DataError {
 public:
  using DataError::DataError;
  ~UnitError() override;
};

/// Stored data did not verify: truncated, tampered with, or not what it says it is (exit code 3).
class LUBAN_CORE_EXPORT IntegrityError : public Error {
 public:
  using Error::Error;
  ~IntegrityError() override;
};

/// The file is intact but of a format version that this program does not read (exit code 3).
class LUBAN_CORE_EXPORT VersionError : public IntegrityError {
 public:
  using IntegrityError::IntegrityError;
  ~VersionError() override;
};

/// No admissible settings exist under the constraints (exit code 4).
class LUBAN_CORE_EXPORT InfeasibleError : public Error {
 public:
  using Error::Error;
  ~InfeasibleError() override;
};

/// Arithmetic failed beyond the stated remedies (for example a covariance that is not positive definite).
class LUBAN_CORE_EXPORT NumericalError : public Error {
 public:
  using Error::Error;
  ~NumericalError() override;
};

/// A call came in a state that does not allow it (for example telling a trial twice).
class LUBAN_CORE_EXPORT LifecycleError : public Error {
 public:
  using Error::Error;
  ~LifecycleError() override;
};

/// The operating system refused (missing file, permission, full disk).
class LUBAN_CORE_EXPORT IoError : public Error {
 public:
  using Error::Error;
  ~IoError() override;
};

/// The feature exists but was not built into this package.
class LUBAN_CORE_EXPORT NotBuiltError : public Error {
 public:
  using Error::Error;
  ~NotBuiltError() override;
};

/// A group of processes (ranks) is not what was asked for, or one of them failed.
class LUBAN_CORE_EXPORT ParallelError : public Error {
 public:
  using Error::Error;
  ~ParallelError() override;
};

/// The caller asked to stop (Ctrl-C); nothing is half written (exit code 130).
class LUBAN_CORE_EXPORT StoppedError : public Error {
 public:
  using Error::Error;
  ~StoppedError() override;
};

}  // namespace luban::core
