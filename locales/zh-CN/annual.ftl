# 年度要求（9.4.1.2）：一个年度的结论，以及每条记录计入多少、为什么。
annual-year-calendar = { $year } 年度
annual-year-certificate = 证书第 { $nth } 年
annual-state-met = 达标
annual-state-open = 尚未完成
annual-state-short = 未达标
annual-state-not-due = 无要求

annual-hours-missing = 还差 { $hours } 学时
annual-activity-none = 尚未组织培训活动
annual-activities-missing = 还差 { $count } 项培训活动
annual-and = { $first }；{ $second }
annual-met = 学时与培训活动均已达到要求
annual-not-due = 认定证书有效期不含本年度，没有年度要求
annual-due = 截止 { $day }
annual-activities-of = 培训活动 { $counted } / { $required } 项
annual-activities-free = 培训活动 { $counted } 项，本年度不要求

annual-no-term = 未登记认定证书有效期，按整年计算。
annual-part = 认定证书在本年度的有效期为{ $days }，共 { $count } 天，学时要求按天折算。
annual-carried = 其中上一年度结转 { $hours } 学时。
annual-surplus = 超出要求 { $hours } 学时。
annual-rules = 依据 9.4.1.2，规则版本 { $version }。

annual-entries = 计入本年度的记录
annual-entry = 内容
annual-when = 日期
annual-recorded = 记录学时
annual-counted = 计入
annual-sealed = 存证编号与上链时间
annual-sealed-at = { $number }（{ $at }）
annual-no-entries = 没有记录
annual-no-entries-text = 本年度还没有已上链的学习或活动记录。
annual-people = { $count } 人参加

annual-form-lecture = 培训讲座
annual-form-exchange = 学术交流
annual-form-publication = 发表专业成果
annual-form-online = 线上课程
annual-form-other = 其他形式
annual-form-activity = 组织的培训活动
annual-activity-counts = 计 1 项
annual-activity-not = 不计

annual-lost = { $hours } 学时未计入：{ $why }
annual-why-outside = 不在认定证书有效期内
annual-why-repeated = 同一课程在一个年度内只计一次
annual-why-exchange = 超出学术交流按天折算的学时
annual-why-publication = 超出一项成果折算的学时
annual-why-daily-cap = 超出每日计入上限
annual-why-joint = 学术交流与发表成果合计已达上限
annual-lack-outside = 不在认定证书有效期内
annual-lack-attendees = 参加人数 { $found } 人，少于要求的 { $needed } 人
annual-lack-evidence = 没有证明材料
annual-lack-confirmed = 认定主体尚未确认
