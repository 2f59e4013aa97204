#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <luban/history/export.hpp>
#include <luban/process/table.hpp>

namespace luban::history {

/// The caller's memory for the rows of one column: 8 bytes each for numbers and times, 4 for codes.
struct ColumnMemory {
  std::string column;
  std::span<std::byte> bytes;
};

/// A source that can decode columns straight into the caller's memory, without making a table of them.
class LUBAN_HISTORY_EXPORT ArraySource {
 public:
  virtual ~ArraySource();
  /// Fills what lies in the file as it is wanted, all of it in one parallel pass; the answer says which were filled.
  /// The others (texts, what is joined or computed) are to be read as a table.
  /// @throws DataError on an unknown column, a range beyond the end, or memory of another size; IntegrityError when the
  /// data is damaged.
  [[nodiscard]] virtual std::vector<bool> read_into(std::span<const ColumnMemory> columns,
                                                    process::RowRange rows) const = 0;
};

}  // namespace luban::history
