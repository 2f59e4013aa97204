// Tables as Arrow arrays, by the Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html): two
// C structs that pyarrow, polars, DuckDB and others take over without a copy, and without Luban linking any of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <luban/process/table.hpp>

// Names and layout are the standard's: programs that include its own header see the same types.
extern "C" {
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
}

namespace luban::bindings {

/// A struct of the columns; units are metadata of the fields. The receiver releases it.
void export_schema(const std::vector<process::ColumnInfo>& columns, ArrowSchema* out);

/// A table as a struct array. Numbers, times, codes and samples stay where they are, texts are copied; a missing number
/// is NaN, anything else that is missing is null. The receiver releases it.
void export_table(std::shared_ptr<const process::Table> table, ArrowArray* out);

/// Rows of a source, block by block: memory does not grow with their number.
void export_stream(std::shared_ptr<const process::TableSource> source, std::vector<std::string> columns,
                   ArrowArrayStream* out);

}  // namespace luban::bindings
