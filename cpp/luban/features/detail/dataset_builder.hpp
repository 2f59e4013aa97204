#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <luban/features/dataset.hpp>

namespace luban::features::detail {

/// The columns that a Dataset is made of, found in a source's schema.
struct DatasetColumns {
  std::vector<ResponseColumn> responses;
  std::vector<std::string> groups;  ///< columns that name a group; empty = nothing stated
  std::string repeat;               ///< "" = order of appearance
  std::string time;                 ///< "" = unknown
  std::vector<std::string> all;     ///< every column to read, each once
};

/// @throws DataError when a needed column is missing; UnitError when a response's unit differs.
[[nodiscard]] DatasetColumns find_columns(const process::Process& process, const process::TableSource& source,
                                          const std::vector<std::string>& responses);

/// Takes a source block by block and grows a Dataset. Memory beside the result: one block.
class DatasetBuilder {
 public:
  DatasetBuilder(Encoder encoder, DatasetColumns columns, std::size_t rows);
  /// @param first_row the source row of the table's row 0. @throws DataError as make_dataset.
  void add(const process::Table& table, std::size_t first_row);
  [[nodiscard]] Dataset finish() &&;

 private:
  [[nodiscard]] std::vector<Eigen::Index> rows_with_responses(const process::Table& table, Eigen::MatrixXd& Y) const;
  [[nodiscard]] std::vector<std::int32_t> run_indices(const process::Table& table, std::size_t first_row);
  std::int32_t run_index(const std::string& run_id);
  void start_run(std::int32_t run, const process::Table& table, std::size_t row, Eigen::Index reading);
  void require_same(std::int32_t run, const process::Table& table, std::size_t row, Eigen::Index reading,
                    std::size_t source_row) const;
  [[nodiscard]] std::string group_label(const process::Table& table, std::size_t row) const;

  DatasetColumns columns_;
  Dataset data_;
  std::vector<Eigen::Index> run_inputs_;     // columns of X that belong to the run, not to the reading
  std::vector<std::string> reading_groups_;  // group columns that are no input: compared between readings
  std::unordered_map<std::string, std::int32_t> runs_;
  std::unordered_map<std::string, std::int32_t> groups_;
  std::vector<Eigen::Index> first_reading_;    // (runs) −1 = no reading kept yet
  std::vector<std::int64_t> readings_of_run_;  // (runs) readings seen so far
  Eigen::Index kept_ = 0;
};

}  // namespace luban::features::detail
