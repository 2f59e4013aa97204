#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/json.hpp>
#include <luban/features/export.hpp>
#include <luban/process/process.hpp>
#include <luban/process/run.hpp>
#include <luban/process/table.hpp>

namespace luban::features {

/// What a variable is to the process.
enum class Role { parameter, context, noise };

/// How one variable becomes one column of X.
/// Numeric: (value − low) / (high − low), so that the search range of a parameter is [0, 1].
/// Categorical and ordinal: the category's code, 0 … categories.size()−1.
struct LUBAN_FEATURES_EXPORT EncodedVariable {
  std::string name;
  std::string unit = {};
  Role role = Role::parameter;
  process::VariableKind kind = process::VariableKind::continuous;
  double low = 0.0;
  double high = 1.0;
  std::vector<std::string> categories = {};
  [[nodiscard]] bool is_numeric() const noexcept {
    return kind == process::VariableKind::continuous || kind == process::VariableKind::integer;
  }
};

/// Maps tables to matrices and back: parameters, then context, then noise variables, in the process's order.
class LUBAN_FEATURES_EXPORT Encoder {
 public:
  Encoder() = default;
  explicit Encoder(std::vector<EncodedVariable> variables);

  /// Parameters scale by their search range; numeric context and noise by their stated range, else by the range seen
  /// in `source`. A constant column scales by 1, so that it encodes to 0 and is harmless.
  /// @throws DataError when a variable's column is missing or of the wrong kind; UnitError when units differ.
  [[nodiscard]] static Encoder make(const process::Process& process, const process::TableSource& source);

  [[nodiscard]] const std::vector<EncodedVariable>& variables() const noexcept { return variables_; }
  [[nodiscard]] Eigen::Index p() const noexcept { return static_cast<Eigen::Index>(variables_.size()); }
  [[nodiscard]] Eigen::Index find(const std::string& name) const noexcept;  ///< −1 when absent
  /// Columns of a role, ascending.
  [[nodiscard]] std::vector<Eigen::Index> columns_of(Role role) const;

  /// X (n, p), coded as EncodedVariable says. @throws DataError on an unknown category, a missing or non-finite value
  /// (with the row), or a missing column.
  [[nodiscard]] Eigen::MatrixXd encode(const process::Table& table) const;
  /// One value. @throws DataError as encode.
  [[nodiscard]] double encode_value(Eigen::Index column, const process::Value& value) const;
  /// (k) many values of one numeric variable. @throws DataError on a non-finite value (with the row) or when the
  /// variable has categories.
  [[nodiscard]] Eigen::VectorXd encode_column(Eigen::Index column, const std::vector<double>& values) const;
  [[nodiscard]] process::Value decode_value(Eigen::Index column, double coded) const;
  /// The inverse of encode: encode(decode(X)) = X to rounding.
  [[nodiscard]] process::Table decode(const Eigen::MatrixXd& X) const;

  /// First column of each variable in one_hot().
  [[nodiscard]] std::vector<Eigen::Index> one_hot_places() const;
  /// Number of columns of one_hot().
  [[nodiscard]] Eigen::Index one_hot_width() const noexcept;
  /// (n, d): numeric columns as they are, categorical as one column per category, ordinal as code / (levels − 1).
  [[nodiscard]] Eigen::MatrixXd one_hot(const Eigen::MatrixXd& X) const;

  [[nodiscard]] core::Json to_json() const;
  [[nodiscard]] static Encoder from_json(const core::Json& json);

 private:
  std::vector<EncodedVariable> variables_;
};

}  // namespace luban::features
