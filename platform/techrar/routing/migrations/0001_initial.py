"""The tables of provider accounts and senders."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('merchants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProviderAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mode', models.CharField(choices=[('test', 'test'), ('live', 'live')], max_length=4)),
                ('channel', models.CharField(max_length=24)),
                ('provider', models.CharField(max_length=40)),
                ('name', models.CharField(max_length=120)),
                ('token', models.CharField(max_length=64, unique=True)),
                ('config', models.BinaryField()),
                ('sandbox', models.BooleanField()),
                ('position', models.IntegerField(default=0)),
                ('weight', models.PositiveIntegerField(default=1)),
                ('enabled', models.BooleanField(default=True)),
                ('paused_reason', models.CharField(blank=True, default='', max_length=200)),
                ('concurrency', models.PositiveIntegerField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='provider_accounts', to='merchants.merchant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('merchant', 'mode', 'channel', 'name'), name='account_name_once'), models.CheckConstraint(condition=models.Q(('mode__in', ['test', 'live'])), name='account_mode'), models.CheckConstraint(condition=models.Q(('mode', 'live'), ('sandbox', True), _connector='OR'), name='account_test_is_sandbox'), models.CheckConstraint(condition=models.Q(('concurrency__isnull', True), ('concurrency__gte', 1), _connector='OR'), name='account_concurrency')],
            },
        ),
        migrations.CreateModel(
            name='Sender',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mode', models.CharField(choices=[('test', 'test'), ('live', 'live')], max_length=4)),
                ('channel', models.CharField(max_length=24)),
                ('key', models.SlugField(max_length=63)),
                ('address', models.CharField(max_length=320)),
                ('name', models.CharField(blank=True, default='', max_length=200)),
                ('reply_to', models.CharField(blank=True, default='', max_length=320)),
                ('is_default', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='senders', to='merchants.merchant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('merchant', 'mode', 'channel', 'key'), name='sender_key_once'), models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('merchant', 'mode', 'channel'), name='sender_one_default'), models.CheckConstraint(condition=models.Q(('mode__in', ['test', 'live'])), name='sender_mode')],
            },
        ),
    ]
