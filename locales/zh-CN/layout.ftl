# 每一页都有的字：页眉、导航、页脚、各种部件。
layout-product = 首席质量官培训学时存证
layout-language = 中文
layout-languages = 语言
layout-skip = 跳到正文
layout-menu = 菜单
layout-navigation = 主导航
layout-sign-in = 登录
layout-sign-out = 退出登录
layout-account = 账号与安全
layout-switch-role = 切换身份
layout-verify = 核验学时证明

layout-role-learner = 学员
layout-role-provider-staff = 培训机构人员
layout-role-employer = 所在组织
layout-role-clerk = 认定主体经办人
layout-role-expert = 专家
layout-role-panel-leader = 认定专家组长
layout-role-supervisor = 认定主体负责人
layout-role-auditor = 审计员
layout-role-competent-authority = 行政主管部门
layout-role-administrator = 系统管理员

layout-nav-home = 我的学时
layout-nav-claims = 学时申报
layout-nav-provider = 学员与记录
layout-nav-employer = 本组织人员
layout-nav-review = 学时审核
layout-nav-cqos = 年度达标
layout-nav-cases = 投诉与异议
layout-nav-samples = 抽查
layout-nav-profile = 主体信息
layout-nav-accounts = 账号管理

layout-hours = { $hours } 学时
layout-day = { $year }年{ $month }月{ $day }日
layout-days = { $first }至{ $last }
layout-instant = { $day } { $time }

layout-tone-good = 成功
layout-tone-warn = 注意
layout-tone-bad = 出错了
layout-mistake = { $field }：{ $problem }
layout-mistakes = { $count } 处需要修改
layout-optional = （选填）
layout-choose = 请选择
layout-page = 第 { $page } / { $pages } 页
layout-pages = 分页
layout-rows = 共 { $rows } 条
layout-previous = 上一页
layout-next = 下一页
layout-ring = 已完成 { $done } 学时，要求 { $required } 学时
layout-ring-of = / { $required } 学时
layout-total = 合计
layout-yes = 已完成
layout-no = 未完成

layout-foot-promise = 上链后未被篡改，可由任何人离线核验。
layout-foot-body = 认定主体：{ $name }
layout-foot-filing = 备案号：{ $number }
layout-foot-complaints = 投诉与建议
layout-foot-version = cqo-ledger { $version }
