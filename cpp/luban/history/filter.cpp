#include <luban/history/filter.hpp>

namespace luban::history {

bool RunFilter::empty() const noexcept {
  return since.missing() && before.missing() && equipment.empty() && status.empty() && material_lot.empty() &&
         recipe.empty() && group.empty() && run_id.empty() && among.empty() && between.empty();
}

}  // namespace luban::history
