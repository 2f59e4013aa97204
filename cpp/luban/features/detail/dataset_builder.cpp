#include <luban/features/detail/dataset_builder.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/core/time.hpp>
#include <luban/features/cells.hpp>
#include <luban/features/detail/text.hpp>

namespace luban::features::detail {

namespace {

using core::DataError;
using process::ColumnInfo;
using process::ColumnKind;

constexpr Eigen::Index fewest_points = 3;  ///< below that, leaving one out leaves nothing to learn from

const ColumnInfo* find(const std::vector<ColumnInfo>& schema, const std::string& name) {
  const auto found =
      std::find_if(schema.begin(), schema.end(), [&](const auto& column) { return column.name == name; });
  return found == schema.end() ? nullptr : &*found;
}

[[noreturn]] void refuse_missing(const std::string& name, const std::vector<ColumnInfo>& schema) {
  std::vector<std::string> names;
  for (const ColumnInfo& column : schema) names.push_back(column.name);
  throw DataError({.where = "features.make_dataset",
                   .expected = "a column \"" + name + "\"",
                   .received = "a source without it",
                   .place = {},
                   .hint = core::nearest_hint(name, names)});
}

void require_response(const ColumnInfo& column, const std::string& unit) {
  if (column.kind != ColumnKind::float64) {
    throw DataError({.where = "features.make_dataset",
                     .expected = "numbers for the response \"" + column.name + "\"",
                     .received = "a column of kind " + std::string(process::name(column.kind)),
                     .place = {},
                     .hint = {}});
  }
  if (column.unit != unit) {
    throw core::UnitError({.where = "features.make_dataset",
                           .expected = "unit \"" + unit + "\" for the response \"" + column.name + "\"",
                           .received = "\"" + column.unit + "\"",
                           .place = {},
                           .hint = "units are converted at import; import the data again with its unit stated"});
  }
}

std::vector<ResponseColumn> find_responses(const process::Process& process, const std::vector<ColumnInfo>& schema,
                                           const std::vector<std::string>& wanted) {
  std::vector<ResponseColumn> found;
  std::vector<std::string> known;
  for (const process::Response& response : process.responses()) {
    known.push_back(response.name);
    const ColumnInfo* column = find(schema, response.name);
    if (!wanted.empty() || column == nullptr) continue;
    require_response(*column, response.unit);
    found.push_back({response.name, response.unit});
  }
  for (const std::string& name : wanted) {
    const process::Response* response = process.find_response(name);
    if (response == nullptr) {
      throw DataError({.where = "features.make_dataset",
                       .expected = "a response of process \"" + process.name() + "\"",
                       .received = "\"" + name + "\"",
                       .place = {},
                       .hint = core::nearest_hint(name, known)});
    }
    const ColumnInfo* column = find(schema, name);
    if (column == nullptr) refuse_missing(name, schema);
    require_response(*column, response->unit);
    found.push_back({name, response->unit});
  }
  if (found.empty()) {
    throw DataError({.where = "features.make_dataset",
                     .expected = "at least one response of process \"" + process.name() + "\"",
                     .received = "a source with none of them",
                     .place = {},
                     .hint = "check the `column:` names of the responses in the process file"});
  }
  return found;
}

/// The text of one cell, exact, for group labels.
std::string cell_text(const process::Column& column, std::size_t row) {
  switch (column.info.kind) {
    case ColumnKind::float64:
      return core::number_text(std::get<std::vector<double>>(column.data)[row]);
    case ColumnKind::time:
      return std::to_string(std::get<std::vector<std::int64_t>>(column.data)[row]);
    case ColumnKind::code: {
      const std::int32_t code = std::get<std::vector<std::int32_t>>(column.data)[row];
      return code < 0 ? std::string() : column.info.categories[static_cast<std::size_t>(code)];
    }
    case ColumnKind::string:
      return std::get<std::vector<std::string>>(column.data)[row];
    case ColumnKind::ragged_float32:
      break;
  }
  throw DataError({.where = "features.make_dataset",
                   .expected = "numbers, categories or names to group by",
                   .received = "a column of kind " + std::string(process::name(column.info.kind)),
                   .place = "column \"" + column.info.name + "\"",
                   .hint = {}});
}

std::int64_t integer_at(const process::Column& column, std::size_t row, std::size_t source_row) {
  if (column.info.kind == ColumnKind::time) return std::get<std::vector<std::int64_t>>(column.data)[row];
  if (column.info.kind == ColumnKind::code) return std::get<std::vector<std::int32_t>>(column.data)[row];
  const double value =
      column.info.kind == ColumnKind::float64 ? std::get<std::vector<double>>(column.data)[row] : process::no_number;
  if (!(std::abs(value) < 9.0e15) || value != std::floor(value)) {
    throw DataError({.where = "features.make_dataset",
                     .expected = "a whole number of the reading",
                     .received = short_number(value),
                     .place = "column \"" + column.info.name + "\", row " + std::to_string(source_row),
                     .hint = {}});
  }
  return static_cast<std::int64_t>(value);
}

/// Joins the runs whose inputs are equal, unless that leaves too few groups to check a model on.
void group_by_point(Dataset& data, const std::vector<Eigen::Index>& columns) {
  Eigen::MatrixXd inputs(static_cast<Eigen::Index>(data.run_count()), static_cast<Eigen::Index>(columns.size()));
  for (Eigen::Index i = 0; i < data.n(); ++i) inputs.row(data.run[static_cast<std::size_t>(i)]) = data.X(i, columns);
  const Cells points = cells_of_rows(inputs);
  data.grouping = points.count() < fewest_points ? Grouping::runs : Grouping::points;
  std::vector<Eigen::Index> first(data.run_count());  // the first run at the point of each run
  std::iota(first.begin(), first.end(), Eigen::Index{0});
  std::vector<std::size_t> members(data.run_count(), 1);
  for (Eigen::Index c = 0; data.grouping == Grouping::points && c < points.count(); ++c) {
    const auto begin = static_cast<std::size_t>(points.start[static_cast<std::size_t>(c)]);
    const auto end = static_cast<std::size_t>(points.start[static_cast<std::size_t>(c) + 1]);
    for (std::size_t k = begin; k < end; ++k) {
      const auto run = static_cast<std::size_t>(points.order[k]);
      first[run] = points.order[begin];
      members[run] = end - begin;
    }
  }
  data.group_labels.clear();
  for (std::size_t run = 0; run < data.run_count(); ++run) {
    const auto leader = static_cast<std::size_t>(first[run]);
    if (leader == run) {
      const std::size_t others = members[run] - 1;
      data.group[run] = static_cast<std::int32_t>(data.group_labels.size());
      data.group_labels.push_back(data.run_ids[run] + (others > 0 ? " and " + std::to_string(others) + " more" : ""));
    } else {
      data.group[run] = data.group[leader];
    }
  }
}

}  // namespace

DatasetColumns find_columns(const process::Process& process, const process::TableSource& source,
                            const std::vector<std::string>& responses) {
  const std::vector<ColumnInfo> schema = source.schema();
  DatasetColumns columns;
  columns.responses = find_responses(process, schema, responses);
  columns.groups = process.definition().groups;
  if (find(schema, "repeat") != nullptr) columns.repeat = "repeat";
  for (const char* name : {"run_time", "start_time"}) {
    const ColumnInfo* column = find(schema, name);
    if (columns.time.empty() && column != nullptr && column->kind == ColumnKind::time) columns.time = name;
  }
  const auto need = [&](const std::string& name) {
    if (find(schema, name) == nullptr) refuse_missing(name, schema);
    if (std::find(columns.all.begin(), columns.all.end(), name) == columns.all.end()) columns.all.push_back(name);
  };
  need("run_id");
  for (const auto& parameter : process.parameters()) need(parameter.name);
  for (const auto& context : process.context()) need(context.name);
  for (const auto& noise : process.noise()) need(noise.name);
  for (const auto& response : columns.responses) need(response.name);
  for (const std::string& group : columns.groups) need(group);
  if (!columns.repeat.empty()) need(columns.repeat);
  if (!columns.time.empty()) need(columns.time);
  return columns;
}

DatasetBuilder::DatasetBuilder(Encoder encoder, DatasetColumns columns, std::size_t rows)
    : columns_(std::move(columns)) {
  data_.encoder = std::move(encoder);
  data_.responses = columns_.responses;
  data_.X.resize(static_cast<Eigen::Index>(rows), data_.encoder.p());
  data_.Y.resize(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns_.responses.size()));
  for (const Role role : {Role::parameter, Role::context}) {
    for (const Eigen::Index column : data_.encoder.columns_of(role)) run_inputs_.push_back(column);
  }
  for (const std::string& group : columns_.groups) {
    const Eigen::Index column = data_.encoder.find(group);
    const bool of_run = std::find(run_inputs_.begin(), run_inputs_.end(), column) != run_inputs_.end();
    if (!of_run) reading_groups_.push_back(group);
  }
}

std::vector<Eigen::Index> DatasetBuilder::rows_with_responses(const process::Table& table, Eigen::MatrixXd& Y) const {
  const auto rows = static_cast<Eigen::Index>(table.row_count());
  Y.resize(rows, static_cast<Eigen::Index>(columns_.responses.size()));
  for (std::size_t r = 0; r < columns_.responses.size(); ++r) {
    const std::vector<double>& values = table.numbers(columns_.responses[r].name);
    Y.col(static_cast<Eigen::Index>(r)) = Eigen::Map<const Eigen::VectorXd>(values.data(), rows);
  }
  std::vector<Eigen::Index> kept;
  kept.reserve(static_cast<std::size_t>(rows));
  for (Eigen::Index i = 0; i < rows; ++i) {
    if (!Y.row(i).array().isNaN().all()) kept.push_back(i);
  }
  return kept;
}

std::int32_t DatasetBuilder::run_index(const std::string& run_id) {
  const auto [at, is_new] = runs_.try_emplace(run_id, static_cast<std::int32_t>(data_.run_ids.size()));
  if (is_new) {
    data_.run_ids.push_back(run_id);
    first_reading_.push_back(-1);
    readings_of_run_.push_back(0);
  }
  return at->second;
}

std::vector<std::int32_t> DatasetBuilder::run_indices(const process::Table& table, std::size_t first_row) {
  const auto refuse = [&](std::size_t row) {
    throw DataError({.where = "features.make_dataset",
                     .expected = "a run_id",
                     .received = "a missing value",
                     .place = "row " + std::to_string(first_row + row),
                     .hint = {}});
  };
  const process::Column& column = table.at("run_id");
  std::vector<std::int32_t> runs(table.row_count());
  if (column.info.kind == ColumnKind::code) {
    const auto& codes = table.codes("run_id");
    std::vector<std::int32_t> index_of(column.info.categories.size(), -1);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      if (codes[i] < 0) refuse(i);
      std::int32_t& index = index_of[static_cast<std::size_t>(codes[i])];
      if (index < 0) index = run_index(column.info.categories[static_cast<std::size_t>(codes[i])]);
      runs[i] = index;
    }
    return runs;
  }
  const auto& names = table.strings("run_id");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) refuse(i);
    runs[i] = i > 0 && names[i] == names[i - 1] ? runs[i - 1] : run_index(names[i]);
  }
  return runs;
}

std::string DatasetBuilder::group_label(const process::Table& table, std::size_t row) const {
  std::string label;
  for (const std::string& group : columns_.groups) {
    label += (label.empty() ? "" : ", ") + group + " " + cell_text(table.at(group), row);
  }
  return label;
}

void DatasetBuilder::start_run(std::int32_t run, const process::Table& table, std::size_t row, Eigen::Index reading) {
  const auto index = static_cast<std::size_t>(run);
  first_reading_[index] = reading;
  data_.group.resize(data_.run_ids.size(), -1);
  const auto next = static_cast<std::int32_t>(data_.group_labels.size());
  if (columns_.groups.empty()) {  // finish() joins the runs of one point
    data_.group[index] = next;
    data_.group_labels.push_back(data_.run_ids[index]);
  } else {
    std::string label = group_label(table, row);
    const auto [at, is_new] = groups_.try_emplace(label, next);
    if (is_new) data_.group_labels.push_back(std::move(label));
    data_.group[index] = at->second;
  }
  data_.run_time.resize(data_.run_ids.size(), core::UtcTime::missing_count);
  if (!columns_.time.empty()) data_.run_time[index] = table.times(columns_.time)[row];
}

void DatasetBuilder::require_same(std::int32_t run, const process::Table& table, std::size_t row, Eigen::Index reading,
                                  std::size_t source_row) const {
  const auto index = static_cast<std::size_t>(run);
  const Eigen::Index first = first_reading_[index];
  const std::string place = "run \"" + data_.run_ids[index] + "\", row ";
  for (const Eigen::Index j : run_inputs_) {
    if (data_.X(first, j) == data_.X(reading, j)) continue;
    const std::string& name = data_.encoder.variables()[static_cast<std::size_t>(j)].name;
    const auto text = [&](Eigen::Index i) {
      const process::Value value = data_.encoder.decode_value(j, data_.X(i, j));
      const double* number = std::get_if<double>(&value);
      return number != nullptr ? core::number_text(*number) : std::get<std::string>(value);
    };
    throw DataError({.where = "features.make_dataset",
                     .expected = "one value of \"" + name + "\" for all readings of a run",
                     .received = text(first) + " and " + text(reading),
                     .place = place + std::to_string(source_row),
                     .hint = "what varies within a run is a noise variable; otherwise name the run more finely"});
  }
  if (reading_groups_.empty()) return;
  const std::string label = group_label(table, row);
  const std::string& known = data_.group_labels[static_cast<std::size_t>(data_.group[index])];
  if (label != known) {
    throw DataError({.where = "features.make_dataset",
                     .expected = "each run in one group",
                     .received = "\"" + known + "\" and \"" + label + "\"",
                     .place = place + std::to_string(source_row),
                     .hint = "a group column must not vary within a run"});
  }
}

void DatasetBuilder::add(const process::Table& table, std::size_t first_row) {
  Eigen::MatrixXd Y;
  const std::vector<Eigen::Index> kept = rows_with_responses(table, Y);
  const std::vector<std::int32_t> runs = run_indices(table, first_row);
  Eigen::MatrixXd X;
  try {
    X = data_.encoder.encode(table);
  } catch (const DataError& error) {
    core::ErrorDetail detail = error.detail();
    detail.place += " of the block that starts at row " + std::to_string(first_row);
    throw DataError(detail);
  }
  const process::Column* repeat = columns_.repeat.empty() ? nullptr : &table.at(columns_.repeat);
  for (const Eigen::Index i : kept) {
    const auto row = static_cast<std::size_t>(i);
    const std::size_t source_row = first_row + row;
    if (Y.row(i).array().isInf().any()) {
      throw DataError({.where = "features.make_dataset",
                       .expected = "finite responses, NaN where missing",
                       .received = "an infinite value",
                       .place = "row " + std::to_string(source_row),
                       .hint = {}});
    }
    const std::int32_t run = runs[row];
    const auto index = static_cast<std::size_t>(run);
    data_.X.row(kept_) = X.row(i);
    data_.Y.row(kept_) = Y.row(i);
    if (first_reading_[index] < 0) {
      start_run(run, table, row, kept_);
    } else {
      require_same(run, table, row, kept_, source_row);
    }
    data_.run.push_back(run);
    data_.source_row.push_back(static_cast<std::int64_t>(source_row));
    ++readings_of_run_[index];
    data_.repeat.push_back(repeat == nullptr ? readings_of_run_[index] : integer_at(*repeat, row, source_row));
    ++kept_;
  }
}

Dataset DatasetBuilder::finish() && {
  if (kept_ == 0) {
    throw DataError({.where = "features.make_dataset",
                     .expected = "at least one reading with a response",
                     .received = "none",
                     .place = {},
                     .hint = "check the `column:` names and units of the responses in the process file"});
  }
  if (kept_ < data_.X.rows()) {
    data_.X.conservativeResize(kept_, Eigen::NoChange);
    data_.Y.conservativeResize(kept_, Eigen::NoChange);
  }
  std::vector<std::int32_t> with_readings;
  for (std::size_t run = 0; run < first_reading_.size(); ++run) {
    if (first_reading_[run] >= 0) with_readings.push_back(static_cast<std::int32_t>(run));
  }
  if (with_readings.size() < data_.run_ids.size()) {
    data_.group.resize(data_.run_ids.size(), -1);
    data_.run_time.resize(data_.run_ids.size(), core::UtcTime::missing_count);
    data_ = data_.subset(with_readings);
  }
  if (columns_.groups.empty()) {
    std::vector<Eigen::Index> inputs = data_.encoder.columns_of(Role::parameter);
    for (const Eigen::Index column : data_.encoder.columns_of(Role::context)) {
      // A measured circumstance hardly ever comes back to the digit: it would make every run a point of its own.
      if (!data_.encoder.variables()[static_cast<std::size_t>(column)].is_numeric()) inputs.push_back(column);
    }
    group_by_point(data_, inputs);
  }
  return std::move(data_);
}

}  // namespace luban::features::detail
