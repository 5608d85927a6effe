"""Templates and their versions; the database itself refuses to change what a version says."""

import django.db.models.deletion
from django.db import migrations, models

FIXED = """
CREATE FUNCTION templating_version_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a template version never changes; add a new one';
END $$;
CREATE TRIGGER fixed BEFORE UPDATE ON templating_templateversion FOR EACH ROW
    WHEN (ROW(OLD.id, OLD.merchant_id, OLD.mode, OLD.template_id, OLD.number, OLD.content, OLD.translations)
          IS DISTINCT FROM
          ROW(NEW.id, NEW.merchant_id, NEW.mode, NEW.template_id, NEW.number, NEW.content, NEW.translations))
    EXECUTE FUNCTION templating_version_is_fixed();
"""
FREE = """
DROP TRIGGER fixed ON templating_templateversion;
DROP FUNCTION templating_version_is_fixed();
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('merchants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Template',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('test', 'test'), ('live', 'live')], max_length=4)),
                ('key', models.CharField(max_length=64)),
                ('name', models.CharField(max_length=120)),
                ('category', models.CharField(max_length=32)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('archived_at', models.DateTimeField(null=True)),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='merchants.merchant')),
            ],
        ),
        migrations.CreateModel(
            name='TemplateVersion',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('test', 'test'), ('live', 'live')], max_length=4)),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('retired', 'Retired')], default='draft', max_length=9)),
                ('content', models.JSONField()),
                ('translations', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(max_length=64)),
                ('published_at', models.DateTimeField(null=True)),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='merchants.merchant')),
                ('template', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='templating.template')),
            ],
        ),
        migrations.AddField(
            model_name='template',
            name='published_version',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='templating.templateversion'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.UniqueConstraint(fields=('template', 'number'), name='template_version_number_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'published')), fields=('template',), name='template_has_one_published_version'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'published', 'retired'])), name='template_version_state'),
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.UniqueConstraint(condition=models.Q(('archived_at', None)), fields=('merchant', 'mode', 'key'), name='template_key_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ['test', 'live'])), name='template_mode'),
        ),
        migrations.RunSQL(FIXED, FREE),
    ]
