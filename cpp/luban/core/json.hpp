#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <luban/core/export.hpp>

namespace luban::core {

/// A JSON value (RFC 8259). Objects keep the order in which keys were set. NaN and infinities are written as
/// null, the only faithful choice JSON offers, and null reads as NaN where a number is asked.
class LUBAN_CORE_EXPORT Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;
  Json(std::nullptr_t) {}                                        // NOLINT(google-explicit-constructor)
  Json(bool value) : value_(value) {}                            // NOLINT(google-explicit-constructor)
  Json(int value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT(google-explicit-constructor)
  Json(std::int64_t value) : value_(value) {}                    // NOLINT(google-explicit-constructor)
  Json(double value) : value_(value) {}                          // NOLINT(google-explicit-constructor)
  Json(const char* value) : value_(std::string(value)) {}        // NOLINT(google-explicit-constructor)
  Json(std::string_view value) : value_(std::string(value)) {}   // NOLINT(google-explicit-constructor)
  Json(std::string value) : value_(std::move(value)) {}          // NOLINT(google-explicit-constructor)
  Json(Array value) : value_(std::move(value)) {}                // NOLINT(google-explicit-constructor)
  Json(Object value) : value_(std::move(value)) {}               // NOLINT(google-explicit-constructor)
  Json(const std::vector<double>& numbers);                      // NOLINT(google-explicit-constructor)
  Json(const std::vector<std::string>& texts);                   // NOLINT(google-explicit-constructor)
  [[nodiscard]] static Json object() { return Json(Object{}); }
  [[nodiscard]] static Json array() { return Json(Array{}); }

  /// @throws DataError with line and column when the text is not JSON, overflows a double, or nests deeper than 500.
  [[nodiscard]] static Json parse(std::string_view text);
  /// `indent` < 0 gives one line.
  [[nodiscard]] std::string dump(int indent = -1) const;

  [[nodiscard]] bool is_null() const noexcept;
  [[nodiscard]] bool is_number() const noexcept;
  [[nodiscard]] bool is_string() const noexcept;
  [[nodiscard]] bool is_array() const noexcept;
  [[nodiscard]] bool is_object() const noexcept;

  // Typed reads. @throws DataError when the value is of another type.
  [[nodiscard]] bool as_bool() const;
  [[nodiscard]] std::int64_t as_int() const;
  [[nodiscard]] double as_double() const;
  [[nodiscard]] const std::string& as_string() const;
  [[nodiscard]] const Array& as_array() const;
  [[nodiscard]] const Object& as_object() const;
  [[nodiscard]] std::vector<double> as_doubles() const;
  [[nodiscard]] std::vector<std::string> as_strings() const;

  [[nodiscard]] const Json* find(std::string_view key) const;  ///< nullptr when absent or not an object
  [[nodiscard]] const Json& at(std::string_view key) const;    ///< @throws DataError when absent
  /// Sets a key of an object (a null value becomes an object first) and returns the object, for chaining.
  Json& set(std::string_view key, Json value);
  Json& push_back(Json value);

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace luban::core
