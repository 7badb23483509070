# 年度要求（9.4.1.2）：一个年度的结论，以及每条记录计入多少、为什么。
years-year-calendar = { $year } 年度
years-year-certificate = 证书第 { $nth } 年
years-state-met = 达标
years-state-open = 尚未完成
years-state-short = 未达标
years-state-not-due = 无要求

years-hours-missing = 还差 { $hours } 学时
years-activity-none = 尚未组织培训活动
years-activities-missing = 还差 { $count } 项培训活动
years-and = { $first }；{ $second }
years-met = 学时与培训活动均已达到要求
years-not-due = 认定证书有效期不含本年度，没有年度要求
years-due = 截止 { $day }
years-activities-of = 培训活动 { $counted } / { $required } 项
years-activities-free = 培训活动 { $counted } 项，本年度不要求

years-no-term = 未登记认定证书有效期，按整年计算。
years-part = 认定证书在本年度的有效期为{ $days }，共 { $count } 天，学时要求按天折算。
years-carried = 其中上一年度结转 { $hours } 学时。
years-surplus = 超出要求 { $hours } 学时。
years-rules = 依据 9.4.1.2，规则版本 { $version }。

years-entries = 计入本年度的记录
years-entry = 内容
years-when = 日期
years-recorded = 记录学时
years-counted = 计入
years-sealed = 存证编号与上链时间
years-sealed-at = { $number }（{ $at }）
years-no-entries = 没有记录
years-no-entries-text = 本年度还没有已上链的学习或活动记录。
years-people = { $count } 人参加

years-form-lecture = 培训讲座
years-form-exchange = 学术交流
years-form-publication = 发表专业成果
years-form-online = 线上课程
years-form-other = 其他形式
years-form-activity = 组织的培训活动
years-activity-counts = 计 1 项
years-activity-not = 不计

years-lost = { $hours } 学时未计入：{ $why }
years-why-outside = 不在认定证书有效期内
years-why-repeated = 同一课程在一个年度内只计一次
years-why-exchange = 超出学术交流按天折算的学时
years-why-publication = 超出一项成果折算的学时
years-why-daily-cap = 超出每日计入上限
years-why-joint = 学术交流与发表成果合计已达上限
years-lack-outside = 不在认定证书有效期内
years-lack-attendees = 参加人数 { $found } 人，少于要求的 { $needed } 人
years-lack-evidence = 没有证明材料
years-lack-confirmed = 认定主体尚未确认
