#include <luban/recommend/joint_acquisition.hpp>

namespace luban::recommend {

JointAcquisition::~JointAcquisition() = default;

}  // namespace luban::recommend
