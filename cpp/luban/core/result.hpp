#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace luban::core {

/// Why an operation whose failure is normal did not succeed; `cause` is the chain, outermost first.
struct Failure {
  std::string reason;
  std::string cause;
};

/// A value or a Failure, for places where failure is an ordinary outcome (a lost connection, an
/// infeasible start) rather than an exception.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}            // NOLINT(google-explicit-constructor)
  Result(Failure failure) : state_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  /// @throws std::logic_error when there is no value: asking without checking is a programming error.
  [[nodiscard]] const T& value() const& {
    require();
    return std::get<0>(state_);
  }
  [[nodiscard]] T&& value() && {
    require();
    return std::get<0>(std::move(state_));
  }
  [[nodiscard]] const Failure& failure() const { return std::get<1>(state_); }

 private:
  void require() const {
    if (!ok()) {
      throw std::logic_error("Result without a value: " + std::get<1>(state_).reason);
    }
  }
  std::variant<T, Failure> state_;
};

}  // namespace luban::core
