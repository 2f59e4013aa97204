#include <luban/features/encoder.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_map>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/features/detail/text.hpp>

namespace luban::features {

namespace {

using core::DataError;
using process::VariableKind;

constexpr std::size_t rows_at_once = 262144;  // bounds the memory of the pass that looks for ranges

std::vector<std::string> names_of(const std::vector<process::ColumnInfo>& schema) {
  std::vector<std::string> names;
  names.reserve(schema.size());
  for (const process::ColumnInfo& column : schema) names.push_back(column.name);
  return names;
}

const process::ColumnInfo& column_of(const std::vector<process::ColumnInfo>& schema, const std::string& name) {
  const auto found =
      std::find_if(schema.begin(), schema.end(), [&](const auto& column) { return column.name == name; });
  if (found == schema.end()) {
    throw DataError({.where = "features.encoder",
                     .expected = "a column \"" + name + "\"",
                     .received = "a source without it",
                     .place = {},
                     .hint = core::nearest_hint(name, names_of(schema))});
  }
  return *found;
}

void require_fitting(const process::Variable& variable, const process::ColumnInfo& column) {
  const bool numeric = column.kind == process::ColumnKind::float64;
  const bool named = column.kind == process::ColumnKind::code || column.kind == process::ColumnKind::string;
  if (variable.is_numeric() ? !numeric : !named) {
    throw DataError({.where = "features.encoder",
                     .expected = variable.is_numeric() ? "numbers" : "categories",
                     .received = "a column of kind " + std::string(process::name(column.kind)),
                     .place = "column \"" + column.name + "\"",
                     .hint = {}});
  }
  if (variable.is_numeric() && column.unit != variable.unit) {
    throw core::UnitError({.where = "features.encoder",
                           .expected = "unit \"" + variable.unit + "\" for \"" + variable.name + "\"",
                           .received = "\"" + column.unit + "\"",
                           .place = {},
                           .hint = "units are converted at import; import the data again with its unit stated"});
  }
}

EncodedVariable encoded(const process::Variable& variable, Role role) {
  return {.name = variable.name,
          .unit = variable.unit,
          .role = role,
          .kind = variable.kind,
          .low = variable.is_numeric() ? variable.low : 0.0,
          .high = variable.is_numeric() ? variable.high : static_cast<double>(variable.categories.size()) - 1.0,
          .categories = variable.categories};
}

/// Gives every numeric variable without a stated range the range seen in the source.
void take_ranges(std::vector<EncodedVariable>& variables, const process::TableSource& source) {
  std::vector<std::size_t> open;
  std::vector<std::string> columns;
  for (std::size_t j = 0; j < variables.size(); ++j) {
    if (variables[j].is_numeric() && std::isnan(variables[j].low)) {
      open.push_back(j);
      columns.push_back(variables[j].name);
      variables[j].low = std::numeric_limits<double>::infinity();
      variables[j].high = -std::numeric_limits<double>::infinity();
    }
  }
  if (open.empty()) return;
  for (const process::RowRange block : source.blocks()) {
    for (std::size_t begin = block.begin; begin < block.end; begin += rows_at_once) {
      const process::Table table = source.read(columns, {begin, std::min(block.end, begin + rows_at_once)});
      for (const std::size_t j : open) {
        for (const double value : table.numbers(variables[j].name)) {
          if (!std::isfinite(value)) continue;
          variables[j].low = std::min(variables[j].low, value);
          variables[j].high = std::max(variables[j].high, value);
        }
      }
    }
  }
  for (const std::size_t j : open) {
    if (variables[j].low > variables[j].high) {
      throw DataError({.where = "features.encoder",
                       .expected = "at least one finite value of \"" + variables[j].name + "\"",
                       .received = "none",
                       .place = {},
                       .hint = "state its low and high in the process file, or leave it out"});
    }
  }
}

/// A constant column scales by 1.
double span(const EncodedVariable& variable) noexcept {
  const double width = variable.high - variable.low;
  return width > 0.0 ? width : 1.0;
}

[[noreturn]] void refuse_value(const EncodedVariable& variable, const std::string& received, const std::string& place) {
  throw DataError({.where = "features.encode",
                   .expected = variable.is_numeric() ? "a finite number for \"" + variable.name + "\""
                                                     : "a category of \"" + variable.name + "\"",
                   .received = received,
                   .place = place,
                   .hint = variable.is_numeric() ? std::string() : core::nearest_hint(received, variable.categories)});
}

double encode_number(const EncodedVariable& variable, double value) {
  return (value - variable.low) / span(variable);
}

void encode_numbers(const EncodedVariable& variable, const std::vector<double>& values,
                    Eigen::Ref<Eigen::VectorXd> out) {
  const double low = variable.low;
  const double width = span(variable);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      refuse_value(variable, detail::short_number(values[i]), "row " + std::to_string(i));
    }
    out(static_cast<Eigen::Index>(i)) = (values[i] - low) / width;
  }
}

std::unordered_map<std::string, double> codes_of(const EncodedVariable& variable) {
  std::unordered_map<std::string, double> codes;
  for (std::size_t c = 0; c < variable.categories.size(); ++c) {
    codes.emplace(variable.categories[c], static_cast<double>(c));
  }
  return codes;
}

/// The column's own categories may stand in another order, or be more, than the variable's: matched by name.
void encode_codes(const EncodedVariable& variable, const process::Column& column, Eigen::Ref<Eigen::VectorXd> out) {
  const auto known = codes_of(variable);
  std::vector<double> translated;
  for (const std::string& category : column.info.categories) {
    const auto found = known.find(category);
    translated.push_back(found == known.end() ? -1.0 : found->second);
  }
  const auto& codes = std::get<std::vector<std::int32_t>>(column.data);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] < 0) refuse_value(variable, "a missing value", "row " + std::to_string(i));
    const auto code = static_cast<std::size_t>(codes[i]);
    if (translated[code] < 0.0) refuse_value(variable, column.info.categories[code], "row " + std::to_string(i));
    out(static_cast<Eigen::Index>(i)) = translated[code];
  }
}

void encode_names(const EncodedVariable& variable, const std::vector<std::string>& names,
                  Eigen::Ref<Eigen::VectorXd> out) {
  const auto known = codes_of(variable);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto found = known.find(names[i]);
    if (found == known.end()) {
      refuse_value(variable, names[i].empty() ? "a missing value" : names[i], "row " + std::to_string(i));
    }
    out(static_cast<Eigen::Index>(i)) = found->second;
  }
}

std::size_t code_of(const EncodedVariable& variable, double coded) {
  const double rounded = std::round(coded);
  if (!(rounded >= 0.0 && rounded < static_cast<double>(variable.categories.size()))) {
    throw DataError(
        {.where = "features.decode",
         .expected = "a code of \"" + variable.name + "\" from 0 to " + std::to_string(variable.categories.size() - 1),
         .received = detail::short_number(coded),
         .place = {},
         .hint = {}});
  }
  return static_cast<std::size_t>(rounded);
}

double decode_number(const EncodedVariable& variable, double coded) {
  const double value = variable.low + coded * span(variable);
  return variable.kind == VariableKind::integer ? std::round(value) : value;
}

}  // namespace

Encoder::Encoder(std::vector<EncodedVariable> variables) : variables_(std::move(variables)) {
  std::set<std::string> seen;
  for (const EncodedVariable& variable : variables_) {
    if (!seen.insert(variable.name).second) {
      throw DataError({.where = "features.encoder",
                       .expected = "each variable once",
                       .received = "\"" + variable.name + "\" twice",
                       .place = {},
                       .hint = {}});
    }
    const bool usable = variable.is_numeric() ? std::isfinite(variable.low) && std::isfinite(variable.high) &&
                                                    variable.low <= variable.high
                                              : !variable.categories.empty();
    if (!usable) {
      throw DataError({.where = "features.encoder",
                       .expected = variable.is_numeric() ? "a finite range, low not above high" : "categories",
                       .received = variable.is_numeric() ? "[" + detail::short_number(variable.low) + ", " +
                                                               detail::short_number(variable.high) + "]"
                                                         : "none",
                       .place = "variable \"" + variable.name + "\"",
                       .hint = {}});
    }
  }
}

Encoder Encoder::make(const process::Process& process, const process::TableSource& source) {
  const std::vector<process::ColumnInfo> schema = source.schema();
  std::vector<EncodedVariable> variables;
  const auto add = [&](const process::Variable& variable, Role role) {
    require_fitting(variable, column_of(schema, variable.name));
    variables.push_back(encoded(variable, role));
  };
  for (const process::Parameter& parameter : process.parameters()) add(parameter, Role::parameter);
  for (const process::ContextVariable& context : process.context()) add(context, Role::context);
  for (const process::NoiseVariable& noise : process.noise()) add(noise, Role::noise);
  take_ranges(variables, source);
  return Encoder(std::move(variables));
}

Eigen::Index Encoder::find(const std::string& name) const noexcept {
  for (std::size_t j = 0; j < variables_.size(); ++j) {
    if (variables_[j].name == name) return static_cast<Eigen::Index>(j);
  }
  return -1;
}

std::vector<Eigen::Index> Encoder::columns_of(Role role) const {
  std::vector<Eigen::Index> columns;
  for (std::size_t j = 0; j < variables_.size(); ++j) {
    if (variables_[j].role == role) columns.push_back(static_cast<Eigen::Index>(j));
  }
  return columns;
}

Eigen::MatrixXd Encoder::encode(const process::Table& table) const {
  Eigen::MatrixXd X(static_cast<Eigen::Index>(table.row_count()), p());
  for (Eigen::Index j = 0; j < p(); ++j) {
    const EncodedVariable& variable = variables_[static_cast<std::size_t>(j)];
    const process::Column& column = table.at(variable.name);
    if (variable.is_numeric()) {
      encode_numbers(variable, table.numbers(variable.name), X.col(j));
    } else if (column.info.kind == process::ColumnKind::string) {
      encode_names(variable, table.strings(variable.name), X.col(j));
    } else {
      (void)table.codes(variable.name);  // refuses every other kind
      encode_codes(variable, column, X.col(j));
    }
  }
  return X;
}

double Encoder::encode_value(Eigen::Index column, const process::Value& value) const {
  const EncodedVariable& variable = variables_.at(static_cast<std::size_t>(column));
  if (variable.is_numeric()) {
    const double* number = std::get_if<double>(&value);
    if (number == nullptr) refuse_value(variable, "\"" + std::get<std::string>(value) + "\"", {});
    if (!std::isfinite(*number)) refuse_value(variable, detail::short_number(*number), {});
    return encode_number(variable, *number);
  }
  const std::string* name = std::get_if<std::string>(&value);
  if (name == nullptr) refuse_value(variable, detail::short_number(std::get<double>(value)), {});
  const auto found = std::find(variable.categories.begin(), variable.categories.end(), *name);
  if (found == variable.categories.end()) refuse_value(variable, *name, {});
  return static_cast<double>(found - variable.categories.begin());
}

Eigen::VectorXd Encoder::encode_column(Eigen::Index column, const std::vector<double>& values) const {
  const EncodedVariable& variable = variables_.at(static_cast<std::size_t>(column));
  if (!variable.is_numeric()) refuse_value(variable, "numbers", {});
  Eigen::VectorXd coded(static_cast<Eigen::Index>(values.size()));
  encode_numbers(variable, values, coded);
  return coded;
}

process::Value Encoder::decode_value(Eigen::Index column, double coded) const {
  const EncodedVariable& variable = variables_.at(static_cast<std::size_t>(column));
  if (variable.is_numeric()) return decode_number(variable, coded);
  return variable.categories[code_of(variable, coded)];
}

process::Table Encoder::decode(const Eigen::MatrixXd& X) const {
  if (X.cols() != p()) {
    throw DataError({.where = "features.decode",
                     .expected = std::to_string(p()) + " columns",
                     .received = std::to_string(X.cols()),
                     .place = {},
                     .hint = {}});
  }
  process::Table table;
  for (Eigen::Index j = 0; j < p(); ++j) {
    const EncodedVariable& variable = variables_[static_cast<std::size_t>(j)];
    const auto rows = static_cast<std::size_t>(X.rows());
    if (variable.is_numeric()) {
      std::vector<double> values(rows);
      for (std::size_t i = 0; i < rows; ++i) values[i] = decode_number(variable, X(static_cast<Eigen::Index>(i), j));
      table.add(process::Column::float64(variable.name, variable.unit, std::move(values)));
    } else {
      std::vector<std::int32_t> codes(rows);
      for (std::size_t i = 0; i < rows; ++i) {
        codes[i] = static_cast<std::int32_t>(code_of(variable, X(static_cast<Eigen::Index>(i), j)));
      }
      table.add(process::Column::code(variable.name, variable.categories, std::move(codes)));
    }
  }
  return table;
}

std::vector<Eigen::Index> Encoder::one_hot_places() const {
  std::vector<Eigen::Index> places;
  Eigen::Index next = 0;
  for (const EncodedVariable& variable : variables_) {
    places.push_back(next);
    next += variable.kind == VariableKind::categorical ? static_cast<Eigen::Index>(variable.categories.size()) : 1;
  }
  return places;
}

Eigen::Index Encoder::one_hot_width() const noexcept {
  Eigen::Index width = 0;
  for (const EncodedVariable& variable : variables_) {
    width += variable.kind == VariableKind::categorical ? static_cast<Eigen::Index>(variable.categories.size()) : 1;
  }
  return width;
}

Eigen::MatrixXd Encoder::one_hot(const Eigen::MatrixXd& X) const {
  if (X.cols() != p()) {
    throw DataError({.where = "features.one_hot",
                     .expected = std::to_string(p()) + " columns",
                     .received = std::to_string(X.cols()),
                     .place = {},
                     .hint = {}});
  }
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(X.rows(), one_hot_width());
  const std::vector<Eigen::Index> places = one_hot_places();
  for (Eigen::Index j = 0; j < p(); ++j) {
    const EncodedVariable& variable = variables_[static_cast<std::size_t>(j)];
    const Eigen::Index at = places[static_cast<std::size_t>(j)];
    if (variable.kind == VariableKind::categorical) {
      for (Eigen::Index i = 0; i < X.rows(); ++i) {
        out(i, at + static_cast<Eigen::Index>(code_of(variable, X(i, j)))) = 1.0;
      }
      continue;
    }
    const double levels = static_cast<double>(variable.categories.size());
    out.col(at) =
        variable.kind == VariableKind::ordinal && levels > 1.0 ? (X.col(j) / (levels - 1.0)).eval() : X.col(j);
  }
  return out;
}

}  // namespace luban::features
